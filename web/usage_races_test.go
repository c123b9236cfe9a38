package web_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"tollgate/models/modelstest"
	"tollgate/web/webtest"
)

// soaked is n rounds, or many more in a long run.
func soaked(n int) int {
	if modelstest.Soaks() {
		return webtest.Rounds()
	}
	return n
}

// Of concurrent reservations, exactly those succeed that there is room for: across consoles, one of which closes.
func TestRaceReservations(t *testing.T) {
	g := webtest.NewGateway(t)
	const asking = 64
	second, _ := g.Another(g.AppURL())
	profiles := []int64{
		g.ProfileNaming("Budget", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"budgets":[{"max_limit":8.75,"reset_duration":"1d"}]}],"budgets":[{"max_limit":100,"reset_duration":"1M"}]`),
		g.ProfileNaming("Requests", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"request_max_limit":17,"request_reset_duration":"1d","token_max_limit":100000,"token_reset_duration":"1h"}`),
	}
	fits := []int{17, 17} // half a dollar each, or one request
	for round := range soaked(3) {
		third, closeThird := g.Another(g.AppURL())
		consoles := []*webtest.Console{g.Console, second, third}
		_, key := g.Give(g.Member(fmt.Sprintf("racer%d@example.com", round), "Viewer"), profiles[round%2])
		var held, refused, answered atomic.Int64
		ask := func(c *webtest.Console) {
			body := webtest.With(webtest.Model(key), "estimated_cost", 0.5, "estimated_tokens", 5, "reserve", true)
			a, err := g.Admin.At(c).Try("/api/decisions", body)
			for tries := 0; err != nil || tries < 20 && c.StoodStill(a); tries++ { // the third console is closed: gateways ask another one
				a, err = g.Admin.At(g.Console).Try("/api/decisions", body)
			}
			a.T = t
			switch d := a.Is(200).JSON(); {
			case d["decision"] == true && d["reservation_id"] != nil:
				held.Add(1)
			case d["decision"] == false && d["reservation_id"] == nil && slices.Contains([]any{402.0, 429.0}, d["status_code"]):
				refused.Add(1)
			default:
				t.Errorf("got %v", d)
			}
			answered.Add(1)
		}
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range asking {
			group.Go(func() { <-start; ask(consoles[i%3]) })
		}
		group.Go(func() {
			<-start
			g.Eventually("some answers", func() bool { return answered.Load() >= 5 })
			closeThird()
		})
		close(start)
		group.Wait()
		stored := 0
		g.Scan(&stored, "SELECT count(DISTINCT r.id) FROM reservations AS r JOIN virtual_keys AS k USING (user_id) WHERE k.name LIKE ?", fmt.Sprintf("racer%d@%%", round))
		if int(held.Load()) != fits[round%2] || stored != fits[round%2] || refused.Load() != asking-held.Load() {
			t.Fatalf("round %d: %d held, %d stored, %d refused; there is room for %d", round, held.Load(), stored, refused.Load(), fits[round%2])
		}
		g.Balanced()
	}
}

// hammer makes 32 writers increment the same counter, all starting at the same moment, and returns the acknowledged
// sum.
func hammer(t *testing.T, each int, add func(writer int) bool) (acknowledged int64) {
	t.Helper()
	var total atomic.Int64
	start := make(chan struct{})
	var writers sync.WaitGroup
	for writer := range 32 {
		writers.Go(func() {
			<-start
			for range each {
				if add(writer) {
					total.Add(1)
				}
			}
		})
	}
	close(start)
	writers.Wait()
	return total.Load()
}

// I-02: no acknowledged increment is lost. The same harness shows what reading, adding and writing back would lose.
func TestRaceCounters(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	consoles := []*webtest.Console{g.Console, other}
	each := 8
	if modelstest.Soaks() {
		each = 200
	}
	_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"budgets":[{"max_limit":1000000,"reset_duration":"1M"}],"rate_limit":{"token_max_limit":1000000,"token_reset_duration":"1M"}`))
	acknowledged := hammer(t, each, func(writer int) bool {
		a := g.Admin.At(consoles[writer%2]).Report(webtest.Event(key))
		return a.StatusCode == 200 && a.JSON()["status"] == "counted"
	})
	if acknowledged != int64(32*each) {
		t.Errorf("only %d were acknowledged", acknowledged)
	}
	webtest.Same(t, "used", g.Used(g.Bob), map[string]int64{"spend 1M total": acknowledged * 1_000_000_000, "tokens 1M total": acknowledged * 10})
	g.Balanced()

	line := uuid.NewString()
	g.Exec("INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used) VALUES (?, 'spend', '1d', now(), 0)", line)
	acknowledged = hammer(t, each, func(int) bool {
		var used int64
		if g.DB.NewRaw("SELECT used FROM limit_windows WHERE line_id = ?", line).Scan(t.Context(), &used) != nil {
			return false
		}
		_, err := g.DB.NewRaw("UPDATE limit_windows SET used = ? WHERE line_id = ?", used+1, line).Exec(t.Context())
		return err == nil
	})
	var used int64
	if g.Scan(&used, "SELECT used FROM limit_windows WHERE line_id = ?", line); used >= acknowledged {
		t.Errorf("the known-bad twin lost nothing of %d: this race finds nothing", acknowledged)
	}
}

// One event sent concurrently is counted once; of two contents of one id, one is counted and the other is a conflict.
func TestRaceSameEvent(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"budgets":[{"max_limit":1000000,"reset_duration":"1M"}]`))
	want := int64(0)
	for round := range webtest.Rounds() {
		one := webtest.Event(key)
		contents := []webtest.Object{one}
		if round%4 == 3 {
			contents = append(contents, webtest.With(one, "cost", 2))
		}
		var all []func() webtest.Answer
		for i := range 16 {
			v := g.Admin.At([]*webtest.Console{g.Console, other}[i%2])
			all = append(all, func() webtest.Answer { return v.Report(contents[i/2%len(contents)]) })
		}
		got := map[string]int{}
		for i, a := range webtest.Concurrently(all...) {
			switch {
			case a.StatusCode == 409:
				got["conflict"]++
			case a.Is(200).JSON()["status"] == "counted":
				got["counted"]++
				want += int64(contents[i/2%len(contents)]["cost"].(int))
			default:
				got[fmt.Sprint(a.JSON()["status"], a.JSON()["duplicate"])]++
			}
		}
		expected := map[string]int{"counted": 1, "duplicatetrue": 15}
		if len(contents) == 2 {
			expected = map[string]int{"counted": 1, "duplicatetrue": 7, "conflict": 8}
		}
		webtest.Same(t, "results", got, expected)
		webtest.Same(t, "used", g.Used(g.Bob)["spend 1M total"], want*1_000_000_000)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	g.Balanced()
}

// Batches whose events come in opposite orders, with concurrent reservations of the same limits, never deadlock.
func TestRaceOppositeBatches(t *testing.T) {
	g := webtest.NewGateway(t)
	broken := &webtest.Deadlocks{}
	var consoles []*webtest.Console
	for range 2 {
		c, _ := g.Another(g.AppURL(), broken)
		consoles = append(consoles, c)
	}
	var keys []string
	for i := range 6 {
		_, key := g.Give(g.Member(fmt.Sprintf("many%d@example.com", i), "Viewer"), g.Work)
		keys = append(keys, key)
	}
	for round := range webtest.Rounds() {
		var batches [2][]webtest.Object
		for i := range 12 {
			batches[0] = append(batches[0], webtest.Event(keys[i%6], "cost", 0.001, "tokens", 0))
			batches[1] = append(batches[1], webtest.Event(keys[5-i%6], "cost", 0.001, "tokens", 0))
		}
		reserve := webtest.With(webtest.Model(keys[round%6]), "estimated_cost", 0.001, "reserve", true)
		got := webtest.Concurrently(
			func() webtest.Answer { return g.Admin.At(consoles[0]).Report(webtest.Object{"events": batches[0]}) },
			func() webtest.Answer { return g.Admin.At(consoles[1]).Report(webtest.Object{"events": batches[1]}) },
			func() webtest.Answer { return g.Admin.At(consoles[0]).API("POST", "/api/decisions", reserve) },
			func() webtest.Answer { return g.Admin.At(consoles[1]).API("POST", "/api/decisions", reserve) },
		)
		webtest.Same(t, "statuses", webtest.Statuses(t, got...), []int{200, 200, 200, 200})
	}
	if n := broken.Load(); n > 0 {
		t.Errorf("%d deadlocks in %d rounds", n, webtest.Rounds())
	}
	g.Balanced()
}

// I-04: a reply is lost after COMMIT, between console and database or on the way to the gateway: sending the same
// events again has no second effect, and no acknowledged event is missing.
func TestRepliesLostAfterCommit(t *testing.T) {
	committed := []byte("C\x00\x00\x00\x0bCOMMIT\x00") // as PostgreSQL sends it
	var replies atomic.Int64
	everyFifth := func(reply []byte, mark []byte) bool { return bytes.Contains(reply, mark) && replies.Add(1)%5 == 0 }
	for name, start := range map[string]func(g webtest.Gateway) (*webtest.Wire, *webtest.Console){
		"from the database": func(g webtest.Gateway) (*webtest.Wire, *webtest.Console) {
			w, address := g.DatabaseWire(func(reply []byte) bool { return everyFifth(reply, committed) })
			c, _ := g.Another(address)
			return w, c
		},
		"from the console": func(g webtest.Gateway) (*webtest.Wire, *webtest.Console) {
			return g.ConsoleWire(func(reply []byte) bool { return everyFifth(reply, []byte(`"status":`)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := webtest.NewGateway(t)
			w, c := start(g)
			_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"budgets":[{"max_limit":1000000,"reset_duration":"1M"}]`))
			sent := 0
			var mutex sync.Mutex
			again := map[int]int{} // statuses of answers that a gateway retries
			var senders sync.WaitGroup
			for range 4 {
				senders.Go(func() {
					for range soaked(25) {
						one := webtest.Event(key)
						for try := 0; ; try++ {
							a, err := g.Admin.At(c).Try("/api/usage", one)
							if err == nil && a.StatusCode == 200 {
								break
							}
							mutex.Lock()
							if err == nil {
								again[a.StatusCode]++
							}
							mutex.Unlock()
							if try == 50 {
								t.Errorf("not counted after %d tries: %v %s", try, err, a.Body)
								return
							}
						}
						mutex.Lock()
						sent++
						mutex.Unlock()
					}
				})
			}
			senders.Wait()
			if w.Lost.Load() < 5 {
				t.Fatalf("only %d replies were lost", w.Lost.Load())
			}
			for status, n := range again {
				if status != 503 {
					t.Errorf("%d answers had the status %d, which tells clients not to retry", n, status)
				}
			}
			webtest.Same(t, "events", g.Count("counted_events"), sent)
			webtest.Same(t, "used", g.Used(g.Bob)["spend 1M total"], int64(sent)*1_000_000_000)
			g.Balanced()
		})
	}
}

// A user whose counters are locked does not delay the events of others.
func TestUsageDoesNotWaitForAnotherUser(t *testing.T) {
	g := webtest.NewGateway(t)
	_, bobs := g.Give(g.Bob, g.Work)
	g.Admin.Counted(webtest.Event(g.Key))
	locked, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	defer func() { _ = locked.Rollback() }()
	_, err = locked.ExecContext(t.Context(), "SELECT FROM limit_windows FOR UPDATE")
	g.Must(err)
	answered := make(chan int, 1)
	go func() { answered <- g.Admin.Report(webtest.Event(g.Key)).StatusCode }()
	blocked(g, func() int { return 1 })
	g.Admin.Counted(webtest.Event(bobs))
	select {
	case status := <-answered:
		t.Fatalf("answered %d while the counters were locked", status)
	default:
	}
	g.Must(locked.Rollback())
	if status := <-answered; status != 200 {
		t.Errorf("answered %d when they were free", status)
	}
}
