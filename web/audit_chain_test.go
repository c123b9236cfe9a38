package web_test

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/web/webtest"
)

// Every kind of change to a stored row is detected, and the row is named.
func TestAuditChainNamesTheFirstRowThatDoesNotFit(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("PUT", "/api/access-profiles/1", `{"name":"<b>&\u2028?"}`).Is(http.StatusBadRequest)
	c.Admin.API("PUT", "/api/access-profiles/1", `{"name":"<b>&"}`).Is(http.StatusOK)
	c.Fits(t, 4)
	var edited, last int64
	c.Scan(&edited, "SELECT max(id) FROM audit_logs WHERE previous_values IS NOT NULL")
	c.Scan(&last, "SELECT max(id) FROM audit_logs")
	owner := c.Owner()
	for _, damage := range []struct {
		query string
		row   int64
	}{
		{"UPDATE audit_logs SET actor = 'nobody' WHERE id = 2", 2},
		{"DELETE FROM audit_logs WHERE id = 2", 3},
		{"DELETE FROM audit_logs WHERE id = (SELECT max(id) FROM audit_logs)", 0},
		{"UPDATE audit_logs SET new_values = new_values || ' ' WHERE id = ?", edited},
		{"UPDATE audit_logs SET new_values = new_values || 'x' WHERE id = ?", edited},
		{"UPDATE audit_logs SET new_values = new_values || new_values WHERE id = ?", edited},
		{"UPDATE audit_logs SET new_values = E'\\n' || new_values WHERE id = ?", edited},
		{"UPDATE audit_logs SET previous_values = replace(previous_values, ':', ': ') WHERE id = ?", edited},
		{"UPDATE audit_logs SET new_values = replace(new_values, '\\u003c', '<') WHERE id = ?", edited},
		{"UPDATE audit_logs SET new_values = 'no JSON' WHERE id = ?", edited},
		{"UPDATE audit_logs SET new_values = '' WHERE id = ?", edited},
		{"UPDATE audit_logs SET metadata = 'null' WHERE id = ?", edited},
		{"UPDATE audit_logs SET previous_values = NULL WHERE id = ?", edited},
		{"UPDATE audit_logs SET created_at = 'infinity' WHERE id = ?", edited},
		{"UPDATE audit_logs SET created_at = '2000-01-01 BC' WHERE id = ?", edited},
		{"UPDATE audit_logs SET created_at = created_at + interval '1 microsecond' WHERE id = ?", edited},
		{"UPDATE audit_logs SET door = 'console' WHERE id = ?", edited},
		{"UPDATE audit_logs SET door = NULL, api_key_name = NULL, api_key_prefix = NULL WHERE id = ?", edited},
		{"UPDATE audit_logs SET api_key_name = 'another' WHERE id = ?", edited},
		{"UPDATE audit_logs SET id = -id WHERE id = ?", -last},
		{"INSERT INTO audit_logs SELECT -5, access_profile_id, user_id, actor, action, previous_values, new_values, metadata, created_at, hash FROM audit_logs WHERE id = ?", -5},
	} {
		c.Must(execAll(owner, "CREATE TABLE kept AS SELECT * FROM audit_logs"))
		row := damage.row
		if row < 0 {
			row = last
		}
		_, err := owner.NewRaw(damage.query, row).Exec(t.Context())
		c.Must(err)
		if _, err := audit.Verify(t.Context(), c.DB, c.H.Keys.Audit); !errors.Is(err, audit.Break{Row: damage.row}) {
			t.Errorf("after %s: %v", damage.query, err)
		}
		c.Must(execAll(owner, "DELETE FROM audit_logs", "INSERT INTO audit_logs OVERRIDING SYSTEM VALUE SELECT * FROM kept", "DROP TABLE kept"))
	}
	c.Fits(t, 4)
	if _, err := c.DB.Exec("UPDATE audit_logs SET actor = 'nobody'"); err == nil {
		t.Error("the console may change audit rows")
	}
}

// Rows from before the origin was recorded stay in the chain as they were written, followed by today's.
func TestOldAuditRowsStillVerify(t *testing.T) {
	c := webtest.NewCast(t)
	var head []byte
	c.Scan(&head, "SELECT hash FROM audit_head")
	content := sha256.Sum256([]byte(`{"access_profile_id":1,"user_id":null,"actor":"\u003ccli\u003e","action":"update","previous_values":{"a":"\u003cb\u003e"},` +
		`"new_values":{"a":1.50},"metadata":null,"created_at":"2026-01-02T03:04:05.12Z"}`))
	hash := sha256.Sum256(append(head, content[:]...))
	owner := c.Owner()
	_, err := owner.NewRaw(`INSERT INTO audit_logs (access_profile_id, actor, action, previous_values, new_values, created_at, hash)
VALUES (1, '<cli>', 'update', ?, '{"a":1.50}', '2026-01-02 03:04:05.12Z', ?)`, `{"a":"\u003cb\u003e"}`, hash[:]).Exec(t.Context())
	c.Must(err)
	_, err = owner.NewRaw("UPDATE audit_head SET hash = ?", hash[:]).Exec(t.Context())
	c.Must(err)
	c.Admin.API("PUT", "/api/access-profiles/1", `{"name":"later"}`).Is(http.StatusOK)
	c.Fits(t, 5)
	_, err = owner.NewRaw("UPDATE audit_logs SET new_values = '{\"a\": 1.50}' WHERE actor = '<cli>'").Exec(t.Context())
	c.Must(err)
	if _, err := audit.Verify(t.Context(), c.DB, c.H.Keys.Audit); !errors.As(err, new(audit.Break)) {
		t.Errorf("a space in an old row: %v", err)
	}
}

func execAll(db *bun.DB, statements ...string) error {
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}
