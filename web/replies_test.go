package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/web/webtest"
)

// I-04: a client that assigns, detaches or propagates and learns that the result is unknown retries, and the change is
// made once.
func TestChangesWhoseRepliesAreLost(t *testing.T) {
	g := webtest.NewGateway(t)
	r := g.ReplyLost()
	v := g.Admin.At(r.Console)
	profile := fmt.Sprint("/api/access-profiles/", g.Work)
	for round := range webtest.Rounds() / 20 {
		user := g.Member(fmt.Sprintf("lost%d@example.com", round), "Viewer")
		g.Audits(func() {
			r.Armed.Store(true)
			assign := webtest.Object{"access_profile_id": g.Work}
			v.API("POST", "/api/users/"+user+"/access-profiles", assign).Refuses(503, "outcome_unknown", "")
			v.API("POST", "/api/users/"+user+"/access-profiles", assign).Refuses(409, "already_held", "access_profile_id")
		}, fmt.Sprintf("assign %d %s %s", g.Work, user, webtest.ActorOf(g)))
		webtest.Same(t, "held", g.Stage.Held(user), "Work direct")
		webtest.Same(t, "keys", len(g.Keys(user)), 1)
		held := g.Copies(user)[0]

		v.API("PUT", profile, fmt.Sprintf(`{"budgets":[{"max_limit":%d,"reset_duration":"1M"}]}`, 100+round)).Is(200)
		r.Armed.Store(true)
		v.API("POST", profile+"/propagate", `{"fields":["budgets"]}`).Refuses(503, "outcome_unknown", "")
		// It may have started; then it runs until a worker takes it over.
		g.Exec("UPDATE propagation_jobs SET lease_until = to_timestamp(0) WHERE state = 'running'")
		g.Eventually("the end of the propagation", func() bool {
			return v.API("POST", profile+"/propagate", `{"fields":["budgets"]}`).StatusCode == 200
		})
		version := g.Admin.Get(profile).Is(200).Object("access_profile")["version"]
		for _, copied := range g.Copies(user) {
			webtest.Same(t, "version of the copy", copied["template_version"], version)
			webtest.Same(t, "limit", webtest.Objects(copied["budgets"])[0]["max_limit"], float64(100+round))
		}

		r.Armed.Store(true)
		v.API("DELETE", "/api"+webtest.CopyPath(user, held), nil).Refuses(503, "outcome_unknown", "")
		v.API("DELETE", "/api"+webtest.CopyPath(user, held), nil).Is(404)
		webtest.Same(t, "held", g.Stage.Held(user), "")
		g.Sound()
	}
	if r.Lost.Load() < int64(3*webtest.Rounds()/20) {
		t.Errorf("only %d replies were lost", r.Lost.Load())
	}
}

// The twin of TestRepliesLostAfterCommit: a retry with another id is counted twice, and the checks of that test detect
// it.
func TestTwinOfRepliesLost(t *testing.T) {
	g := webtest.NewGateway(t)
	r := g.ReplyLost()
	_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"budgets":[{"max_limit":1000000,"reset_duration":"1M"}]`))
	const sent = 5
	for range sent {
		r.Armed.Store(true)
		for g.Admin.At(r.Console).Report(webtest.Event(key)).StatusCode != http.StatusOK {
		}
	}
	if used := g.Used(g.Bob)["spend 1M total"]; used <= sent*1_000_000_000 || g.Count("counted_events") <= sent {
		t.Errorf("%d nano-dollars are counted of %d events that were repeated with other ids: the test finds nothing", used, sent)
	}
}

// outcome is the result of a change that was cut short, by its answer and the tables that it has changed; a complete
// change changes the tables wanted.
func outcome(status int, changed, want []string) string {
	switch {
	case len(changed) == 0 && status == 503:
		return "undone"
	case slices.Equal(changed, want) && (status < 300 || status == 503):
		return "done"
	}
	return "half"
}

// I-06, I-12: a connection that breaks at any message leaves a change complete, with its audit row and its version, or
// not made at all.
func TestConnectionsCutAtAnyMessage(t *testing.T) {
	t.Parallel()
	g := webtest.NewGateway(t)
	address, cut := g.Cutting()
	c, _ := g.Another(address)
	v := g.Admin.At(c)
	held := func() []func() webtest.Answer {
		user := g.Member(uuid.NewString()+"@example.com", "Viewer")
		one := webtest.Event(nil, "virtual_key", nil, "user_id", g.Ada)
		return []func() webtest.Answer{
			func() webtest.Answer {
				return v.API("PUT", fmt.Sprint("/api/access-profiles/", g.Work), webtest.Object{"description": uuid.NewString(), "tags": []string{uuid.NewString()}})
			},
			func() webtest.Answer {
				return v.API("POST", "/api/access-profiles", webtest.Object{"name": uuid.NewString()})
			},
			func() webtest.Answer {
				return v.API("POST", "/api/users/"+user+"/access-profiles", webtest.Object{"access_profile_id": g.Work})
			},
			func() webtest.Answer { return v.Report(one) },
			func() webtest.Answer {
				return v.API("POST", "/api/decisions", webtest.With(webtest.Model(g.Key), "reserve", true, "estimated_cost", 0.01))
			},
		}
	}
	for i, whole := range held() {
		held()[i]() // the row that holds of a user lock stays as it is from now on
		want := g.Changes(func() { whole() })
		outcomes := map[string]int{}
		n := int64(0)
		for range 40 {
			n++
			do := held()[i]
			v.API("POST", "/api/decisions", webtest.Model(g.Key)) // to open a connection and fill the cache
			var a webtest.Answer
			var reached bool
			audits, versions := g.Count("audit_logs"), g.Count("access_profile_versions")
			changed := g.Changes(func() { reached = cut(n, func() { a = do() }) })
			came := outcome(a.StatusCode, changed, want)
			if outcomes[came]++; came == "half" {
				t.Errorf("change %d, cut at message %d: answered %d %s, rows changed in %v, want %v or none", i, n, a.StatusCode, a.Body, changed, want)
			}
			if slices.Contains(want, "audit_logs") {
				added, kept := g.Count("audit_logs")-audits, g.Count("access_profile_versions")-versions
				if added != min(len(changed), 1) || slices.Contains(want, "access_profile_versions") && kept != added {
					t.Errorf("change %d, cut at message %d: %d audit rows, %d versions", i, n, added, kept)
				}
			}
			if a.StatusCode < 300 && !reached { // it was complete before that many messages
				if outcomes["undone"] > 0 {
					break
				}
				n = 0 // the break hit messages of other requests
			}
		}
		if outcomes["done"] == 0 || outcomes["undone"] == 0 {
			t.Errorf("the outcomes of change %d: %v", i, outcomes)
		}
	}
	g.Sound()
	g.Balanced()
}

// The twin of TestConnectionsCutAtAnyMessage stores a role and its permissions in two transactions.
func TestTwinOfConnectionsCut(t *testing.T) {
	g := webtest.NewGateway(t)
	address, cut := g.Cutting()
	db := webtest.Connect(t, address)
	add := func(name string) (status int) {
		for _, query := range []string{
			"INSERT INTO roles (name, name_key) VALUES (?0, ?0)", "INSERT INTO role_permissions (role_id, permission) SELECT id, 'Usage:View' FROM roles WHERE name = ?0",
		} {
			insert := func(ctx context.Context, tx bun.Tx) error { _, err := tx.NewRaw(query, name).Exec(ctx); return err }
			if db.RunInTx(t.Context(), nil, insert) != nil {
				return 503
			}
		}
		return 201
	}
	want := g.Changes(func() { add("Whole") })
	outcomes := map[string]int{}
	for n, reached := int64(1), true; reached; n++ {
		g.Must(db.PingContext(t.Context()))
		var status int
		changed := g.Changes(func() { reached = cut(n, func() { status = add(fmt.Sprint("Cut ", n)) }) })
		outcomes[outcome(status, changed, want)]++
	}
	if outcomes["half"] == 0 || outcomes["done"] == 0 || outcomes["undone"] == 0 {
		t.Errorf("outcomes of two transactions: %v: the test finds nothing", outcomes)
	}
}

// I-04: a single statement whose reply is lost is not retried by the driver, since its result is unknown.
func TestStatementsWhoseRepliesAreLostAreSentOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	var armed atomic.Bool
	_, address := g.DatabaseWire(func(b []byte) bool {
		return bytes.Contains(b, []byte("INSERT 0 1")) && armed.CompareAndSwap(true, false)
	})
	db := webtest.Connect(t, address)
	g.Must(db.PingContext(t.Context()))
	g.ExecAsOwner("CREATE TABLE kept (n int)", "GRANT ALL ON kept TO tollgate")
	for n := range 3 {
		armed.Store(true)
		if _, err := db.NewRaw("INSERT INTO kept VALUES (?)", n).Exec(t.Context()); err == nil {
			t.Error("a missing reply is taken for one")
		}
		webtest.Same(t, "rows", g.Count("kept"), n+1)
	}
}
