package modelstest

import (
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"tollgate/models/dbtest"
)

var emptyDatabases atomic.Int64

// EmptyDatabase is the owner's address of a database without tables.
func EmptyDatabase(t *testing.T) string {
	t.Helper()
	_, owner := dbtest.URLs(t)
	db := Open(t, owner+"&statement_timeout=60s")
	name := fmt.Sprintf("test_empty_%d", emptyDatabases.Add(1))
	Run(t, db, "CREATE DATABASE "+name+" TEMPLATE template0")
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return withDatabase(t, owner, name)
}

func withDatabase(t *testing.T, address, name string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Path = "/" + name
	return parsed.String()
}
