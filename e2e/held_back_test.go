package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tollgate/models"
)

// holdBack keeps every copy of a profile as it is until goOn: a push of it is under way as long as somebody looks. Only here does a test
// reach behind the console.
func (c *console) holdBack(t *testing.T, profile string) (goOn func()) {
	t.Helper()
	server, err := models.JoinPostgres(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), server.URL("tollgate_owner"))
	if err != nil {
		t.Fatal(err)
	}
	goOn = func() { db.Close(context.Background()) }
	t.Cleanup(goOn)
	number := profile[strings.LastIndex(profile, "/")+1:]
	if _, err := db.Exec(t.Context(), "BEGIN; SELECT FROM user_access_profiles WHERE access_profile_id = "+number+" FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return goOn
}
