package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// lockCopies locks every copy of a profile until goOn: a propagation of it is under way for as long as the test needs.
// Only here does a test use the database directly.
func (c *console) lockCopies(t *testing.T, profile string) (goOn func()) {
	t.Helper()
	running, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(running), "\n") // the fourth is the port, the fifth the folder of the socket
	db, err := pgx.Connect(t.Context(), "user=tollgate_owner dbname=tollgate port="+lines[3]+" host='"+lines[4]+"'")
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
