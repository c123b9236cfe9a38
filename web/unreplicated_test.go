package web_test

import (
	"testing"

	"tollgate/web/webtest"
)

// A server that stops to wait for its synchronous standby reports a commit as done that a failover may lose: it is not
// confirmed, neither a revoked key, nor usage, nor an estimate that is held.
func TestChangesThatAreNotReplicatedAreNotConfirmed(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary := b.restore(t)
	c, _ := b.serving(t).Another(primary.URL("tollgate"))
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
	hold := func() webtest.Answer {
		return admin.API("POST", "/api/decisions", webtest.With(webtest.Model(b.key), "reserve", true, "estimated_cost", 1))
	}
	hold().Refuses(503, "outcome_unknown", "") // by the time that a request may take
	isUnknown := func(end string, request func() webtest.Answer) {
		answered := make(chan webtest.Answer, 1)
		go func() { answered <- request() }()
		c.Eventually("the wait is ended", func() bool {
			_, err := owner.Exec("SELECT " + end + "(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			c.Must(err)
			select {
			case answer := <-answered:
				answer.Refuses(503, "outcome_unknown", "")
				return true
			default:
				return false
			}
		})
	}
	for _, end := range []string{"pg_cancel_backend", "pg_terminate_backend"} {
		isUnknown(end, hold)
		isUnknown(end, func() webtest.Answer { return admin.Report(webtest.Event(b.key)) })
	}
	isUnknown("pg_cancel_backend", func() webtest.Answer { return admin.API("DELETE", b.keyPath, nil) })
	c.Eventually("the key is deleted all the same", func() bool {
		return admin.Ask(webtest.Model(b.key))["type"] == "access_not_found"
	})
}
