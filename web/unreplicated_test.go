package web_test

import (
	"testing"

	"tollgate/web/webtest"
)

// A server that stops to wait for its synchronous standby reports a commit as done that a failover may lose: it is not
// confirmed, neither a revoked key nor usage.
func TestChangesThatAreNotReplicatedAreNotConfirmed(t *testing.T) {
	b := newBackup(t)
	primary := b.restore(t)
	c, _ := b.serving(t).Another(primary.URL("tollgate") + "&statement_timeout=500ms")
	admin, owner := b.bearerOf(c, b.secret), webtest.Connect(t, primary.URL("tollgate_owner"))
	admin.Decides(webtest.Model(b.key), "allowed", 200)
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'none_such'", "SELECT pg_reload_conf()"} {
		_, err := owner.Exec(statement)
		c.Must(err)
	}
	c.Eventually("commits wait for a standby", func() bool {
		var names string
		c.Scan(&names, "SHOW synchronous_standby_names")
		return names == "none_such"
	})
	admin.Report(webtest.Event(b.key)).Refuses(503, "outcome_unknown", "")
	admin.API("DELETE", b.keyPath, nil).Refuses(503, "outcome_unknown", "")
	c.Eventually("the key is deleted all the same", func() bool {
		return admin.Ask(webtest.Model(b.key))["type"] == "access_not_found"
	})
}
