package schema_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/models/modelstest"
	"tollgate/models/schema"
)

// Tables of others in the schema, or of the owner for something else, neither stop the console nor are opened to it.
func TestGrantsNameOwnTablesOnly(t *testing.T) {
	t.Parallel()
	address := modelstest.EmptyDatabase(t)
	db := modelstest.Open(t, address)
	const owner = "owner_beside_others"
	modelstest.Run(t, db, "CREATE ROLE "+owner+" NOLOGIN; GRANT CREATE, USAGE ON SCHEMA public TO "+owner+"; CREATE TABLE payroll (id serial, salary int)")
	t.Cleanup(func() {
		if _, err := modelstest.Open(t, address).Exec("DROP OWNED BY " + owner + " CASCADE; DROP ROLE " + owner); err != nil {
			t.Error(err)
		}
	})
	parts, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := parts.Query()
	query.Set("options", "-c role="+owner)
	parts.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	migrating := modelstest.Open(t, parts.String())
	modelstest.Run(t, migrating, "CREATE TABLE notes (id serial, note text)")
	for range 2 {
		if err := schema.Migrate(t.Context(), migrating, "tollgate"); err != nil {
			t.Fatal(err)
		}
	}
	modelstest.AssertValue(t, db, owner, "SELECT tableowner FROM pg_tables WHERE tablename = 'users'")
	without := func(kind, privilege, rights string) string {
		return "SELECT coalesce(string_agg(relname, ',' ORDER BY relname), '') FROM pg_class WHERE relnamespace = 'public'::regnamespace" +
			" AND NOT relispartition AND CASE WHEN relkind = '" + kind + "' THEN NOT has_" + privilege + "('tollgate', oid, '" + rights + "') END"
	}
	modelstest.AssertValue(t, db, "notes,payroll", without("r", "table_privilege", "SELECT, INSERT, UPDATE, DELETE"))
	modelstest.AssertValue(t, db, "notes_id_seq,payroll_id_seq", without("S", "sequence_privilege", "USAGE"))
	// Everything that the program made is open to it; audit rows are not to be changed.
	modelstest.AssertValue(t, db, "notes,payroll", without("r", "table_privilege", "INSERT"))
	modelstest.AssertValue(t, db, "audit_logs,notes,payroll", without("r", "table_privilege", "UPDATE"))
}
