package dbtest_test

import (
	"context"
	"strconv"
	"testing"

	"tollgate/models/dbtest"
	"tollgate/models/schema"
)

func TestDatabasesAreMigratedAndApart(t *testing.T) {
	for n := range 20 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			db := dbtest.New(t)
			if state, err := schema.Read(ctx, db); err != nil || state != (schema.State{}) {
				t.Fatalf("pending migrations: %d, %v", state.Pending, err)
			}
			if _, err := db.ExecContext(ctx,
				"INSERT INTO login_throttles VALUES ('only here', 1, now())"); err != nil {
				t.Fatal(err)
			}
			var rows int
			var role string
			if err := db.QueryRowContext(ctx,
				"SELECT count(*), current_user FROM login_throttles").Scan(&rows, &role); err != nil {
				t.Fatal(err)
			}
			if rows != 1 || role != "tollgate" {
				t.Errorf("%d rows, as %s; want 1, as tollgate", rows, role)
			}
		})
	}
}
