package schema_test

import (
	"strings"
	"testing"

	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/schema"
)

// Names that were stored under the old rule come under the new one. Where two became one, both rows stay and keep
// different keys.
func TestStoredNamesAreFoldedOnce(t *testing.T) {
	t.Parallel()
	db := modelstest.Open(t, modelstest.EmptyDatabase(t))
	if err := schema.Migrate(t.Context(), db, ""); err != nil {
		t.Fatal(err)
	}
	old := func(table, columns, values string, names ...string) {
		for _, name := range names {
			_, err := db.NewRaw("INSERT INTO "+table+" (name, name_key"+columns+") VALUES (?0, ?1"+values+")", name, input.FoldCase(name)).Exec(t.Context())
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	modelstest.Run(t, db, "DELETE FROM data_repairs")
	old("roles", "", "", "②nd", "2nd", "Ｈelp", "help", "№ 1", "Straße")
	old("tool_groups", "", "", "x² group", "①st", "①st x")
	old("mcp_servers", ", client_id, tools", ", md5(?0), '{}'", "Ｇithub")
	modelstest.Run(t, db, "INSERT INTO policies (calendar_aligned) VALUES (false)")
	old("access_profiles", ", policy_id, search_key, tags, tag_keys, is_active, version, created_at, updated_at, policy_version",
		", (SELECT max(id) FROM policies), ?1, '{}', '{}', true, 1, now(), now(), 1", "ﬁne ④")
	for range 2 {
		if err := schema.Migrate(t.Context(), db, ""); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"SELECT string_agg(name_key, ',' ORDER BY id) FROM roles WHERE NOT is_system_role": "②nd,2nd,ｈelp,help,no 1,strasse",
			"SELECT string_agg(name_key, ',' ORDER BY id) FROM tool_groups":                    "x2 group,1st,1st x",
			"SELECT name_key FROM mcp_servers":                                                 "github",
			"SELECT name_key || '/' || search_key FROM access_profiles":                        "fine 4/fine 4",
		} {
			modelstest.AssertValue(t, db, want, query)
		}
	}
	// It is done once: what a console of before adds meanwhile is left alone.
	modelstest.Run(t, db, "INSERT INTO roles (name, name_key) VALUES ('③x', '③x')")
	if err := schema.Migrate(t.Context(), db, ""); err != nil {
		t.Fatal(err)
	}
	modelstest.AssertValue(t, db, "③x", "SELECT name_key FROM roles WHERE name = '③x'")
}

func TestKeysOfNamesFitAnIndex(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\ufdfa", 254)
	one, other := input.NameKey(long+"a"), input.NameKey(long+"b")
	if one == other || len(one) > 1600 || one != input.NameKey(long+"A") {
		t.Errorf("keys of %d and %d bytes", len(one), len(other))
	}
}
