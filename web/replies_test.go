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
)

// replyLost has one request meet a COMMIT whose reply is lost between the console and its database.
type replyLost struct {
	*wire
	armed atomic.Bool
	*console
}

func (g gateway) replyLost() *replyLost {
	g.t.Helper()
	committed := []byte("C\x00\x00\x00\x0bCOMMIT\x00")
	r := &replyLost{}
	w, address := g.databaseWire(func(reply []byte) bool {
		return bytes.Contains(reply, committed) && r.armed.CompareAndSwap(true, false)
	})
	r.wire = w
	r.console, _ = g.another(address)
	scraper := g.apiKey("Usage:View").at(r.console)
	g.eventually("the books are kept, with a COMMIT of their own", func() bool { return scraper.metrics()["tollgate_ledger_checked_timestamp_seconds"] > 0 })
	return r
}

// I-04: a client that assigns, detaches or propagates and learns that the result is unknown retries, and the change is
// made once.
func TestChangesWhoseRepliesAreLost(t *testing.T) {
	g := newGateway(t)
	r := g.replyLost()
	v := g.admin.at(r.console)
	profile := fmt.Sprint("/api/access-profiles/", g.work)
	for round := range rounds() / 20 {
		user := g.member(fmt.Sprintf("lost%d@example.com", round), "Viewer")
		g.audits(func() {
			r.armed.Store(true)
			assign := object{"access_profile_id": g.work}
			v.api("POST", "/api/users/"+user+"/access-profiles", assign).refuses(503, "outcome_unknown", "")
			v.api("POST", "/api/users/"+user+"/access-profiles", assign).refuses(409, "already_held", "access_profile_id")
		}, fmt.Sprintf("assign %d %s %s", g.work, user, actorOf(g)))
		same(t, "held", g.stage.held(user), "Work direct")
		same(t, "keys", len(g.keys(user)), 1)
		held := g.copies(user)[0]

		v.api("PUT", profile, fmt.Sprintf(`{"budgets":[{"max_limit":%d,"reset_duration":"1M"}]}`, 100+round)).is(200)
		r.armed.Store(true)
		v.api("POST", profile+"/propagate", `{"fields":["budgets"]}`).refuses(503, "outcome_unknown", "")
		// It may have started; then it runs until a worker takes it over.
		g.exec("UPDATE propagation_jobs SET lease_until = to_timestamp(0) WHERE state = 'running'")
		g.eventually("the end of the propagation", func() bool {
			return v.api("POST", profile+"/propagate", `{"fields":["budgets"]}`).StatusCode == 200
		})
		version := g.admin.get(profile).is(200).object("access_profile")["version"]
		for _, copied := range g.copies(user) {
			same(t, "version of the copy", copied["template_version"], version)
			same(t, "limit", objects(copied["budgets"])[0]["max_limit"], float64(100+round))
		}

		r.armed.Store(true)
		v.api("DELETE", "/api"+copyPath(user, held), nil).refuses(503, "outcome_unknown", "")
		v.api("DELETE", "/api"+copyPath(user, held), nil).is(404)
		same(t, "held", g.stage.held(user), "")
		g.sound()
	}
	if r.lost.Load() < int64(3*rounds()/20) {
		t.Errorf("only %d replies were lost", r.lost.Load())
	}
}

// actorOf is the gateway's admin as the audit log names it.
func actorOf(g gateway) (name string) {
	g.scan(&name, "SELECT actor FROM audit_logs ORDER BY id DESC LIMIT 1")
	return name
}

// The twin of TestRepliesLostAfterCommit: a retry with another id is counted twice, and the checks of that test detect
// it.
func TestTwinOfRepliesLost(t *testing.T) {
	g := newGateway(t)
	r := g.replyLost()
	_, key := g.give(g.bob, g.profileNaming("Open", `"budgets":[{"max_limit":1000000,"reset_duration":"1M"}]`))
	const sent = 5
	for range sent {
		r.armed.Store(true)
		for g.admin.at(r.console).report(event(key)).StatusCode != http.StatusOK {
		}
	}
	if used := g.used(g.bob)["spend 1M total"]; used <= sent*1_000_000_000 || g.count("usage_events") <= sent {
		t.Errorf("%d nano-dollars are counted of %d events that were repeated with other ids: the test finds nothing", used, sent)
	}
}

// cutting is a connection to the database that breaks at a message. The function returned runs something with a break
// at the nth message from then on, and reports whether that message was reached.
func (g gateway) cutting() (address string, at func(n int64, do func()) bool) {
	var sent, last atomic.Int64
	w, address := g.databaseWire(nil)
	w.cut = func([]byte) bool { return last.Load() > 0 && sent.Add(1) == last.Load() }
	return address, func(n int64, do func()) bool {
		sent.Store(0)
		last.Store(n)
		do()
		last.Store(0)
		return sent.Load() >= n
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
	g := newGateway(t)
	address, cut := g.cutting()
	c, _ := g.another(address)
	v := g.admin.at(c)
	held := func() []func() answer {
		user := g.member(uuid.NewString()+"@example.com", "Viewer")
		one := event(nil, "virtual_key", nil, "user_id", g.ada)
		return []func() answer{
			func() answer {
				return v.api("PUT", fmt.Sprint("/api/access-profiles/", g.work), object{"description": uuid.NewString(), "tags": []string{uuid.NewString()}})
			},
			func() answer { return v.api("POST", "/api/access-profiles", object{"name": uuid.NewString()}) },
			func() answer {
				return v.api("POST", "/api/users/"+user+"/access-profiles", object{"access_profile_id": g.work})
			},
			func() answer { return v.report(one) },
			func() answer {
				return v.api("POST", "/api/decisions", with(model(g.key), "reserve", true, "estimated_cost", 0.01))
			},
		}
	}
	for i, whole := range held() {
		want := g.changes(func() { whole() })
		outcomes := map[string]int{}
		n := int64(0)
		for range 40 {
			n++
			do := held()[i]
			v.api("POST", "/api/decisions", model(g.key)) // to open a connection and fill the cache
			var a answer
			var reached bool
			audits, versions := g.count("audit_logs"), g.count("access_profile_versions")
			changed := g.changes(func() { reached = cut(n, func() { a = do() }) })
			came := outcome(a.StatusCode, changed, want)
			if outcomes[came]++; came == "half" {
				t.Errorf("change %d, cut at message %d: answered %d %s, rows changed in %v, want %v or none", i, n, a.StatusCode, a.body, changed, want)
			}
			if slices.Contains(want, "audit_logs") {
				added, kept := g.count("audit_logs")-audits, g.count("access_profile_versions")-versions
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
	g.sound()
	g.balanced()
}

// The twin of TestConnectionsCutAtAnyMessage stores a role and its permissions in two transactions.
func TestTwinOfConnectionsCut(t *testing.T) {
	g := newGateway(t)
	address, cut := g.cutting()
	db := connect(t, address)
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
	want := g.changes(func() { add("Whole") })
	outcomes := map[string]int{}
	for n, reached := int64(1), true; reached; n++ {
		g.must(db.PingContext(t.Context()))
		var status int
		changed := g.changes(func() { reached = cut(n, func() { status = add(fmt.Sprint("Cut ", n)) }) })
		outcomes[outcome(status, changed, want)]++
	}
	if outcomes["half"] == 0 || outcomes["done"] == 0 || outcomes["undone"] == 0 {
		t.Errorf("outcomes of two transactions: %v: the test finds nothing", outcomes)
	}
}

// I-04: a single statement whose reply is lost is not retried by the driver, since its result is unknown.
func TestStatementsWhoseRepliesAreLostAreSentOnce(t *testing.T) {
	g := newGateway(t)
	var armed atomic.Bool
	_, address := g.databaseWire(func(b []byte) bool {
		return bytes.Contains(b, []byte("INSERT 0 1")) && armed.CompareAndSwap(true, false)
	})
	db := connect(t, address)
	g.must(db.PingContext(t.Context()))
	g.execAsOwner("CREATE TABLE kept (n int)", "GRANT ALL ON kept TO tollgate")
	for n := range 3 {
		armed.Store(true)
		if _, err := db.NewRaw("INSERT INTO kept VALUES (?)", n).Exec(t.Context()); err == nil {
			t.Error("a missing reply is taken for one")
		}
		same(t, "rows", g.count("kept"), n+1)
	}
}
