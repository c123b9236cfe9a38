package web_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A change that was answered here applies to every decision requested after it, even among many concurrent ones.
func TestAnsweredChangeIsSeenAmongConcurrentDecisions(t *testing.T) {
	g := newGateway(t)
	var others sync.WaitGroup
	asking, stop := context.WithCancel(t.Context())
	defer others.Wait()
	defer stop()
	for range 3 {
		others.Go(func() {
			for asking.Err() == nil {
				g.bearer(g.key).get("/authz/forward?model=openai/gpt-4o").is(200)
			}
		})
	}
	wrong := 0
	for round := range 60 {
		made := g.admin.api("POST", "/api/users/"+g.ada+"/virtual-keys", object{"name": fmt.Sprint("key ", round)}).is(200).object("virtual_key")
		key := made["value"].(string)
		g.bearer(key).get("/authz/nginx?model=openai/gpt-4o").is(200)
		g.admin.api("DELETE", keyPath(g.ada, made), nil).is(200)
		doors := []func() bool{
			func() bool { return g.admin.ask(model(key))["decision"].(bool) },
			func() bool { return g.bearer(key).get("/authz/nginx?model=openai/gpt-4o").StatusCode == http.StatusOK },
			func() bool {
				return g.admin.api("POST", "/access/v1/evaluation", evaluation(entity("virtual_key", key), modelled)).is(200).json()["decision"].(bool)
			},
		}
		if doors[round%len(doors)]() {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d of 60 deleted keys were still allowed at once", wrong)
	}
}

// The same while the poll that another decision waits for is slow: later decisions wait for it too.
func TestADecisionWaitsForAPollUnderWay(t *testing.T) {
	g := newGateway(t)
	made := g.admin.api("POST", "/api/users/"+g.ada+"/virtual-keys", `{"name":"short-lived"}`).is(200).object("virtual_key")
	key := made["value"].(string)
	ask := func(key string) int { return g.bearer(key).get("/authz/nginx?model=openai/gpt-4o").StatusCode }
	same(t, "before", ask(key), 200)

	tx, err := g.owner().BeginTx(t.Context(), nil)
	g.must(err)
	defer func() { _ = tx.Rollback() }() // it locks a row and changes nothing
	g.admin.api("DELETE", keyPath(g.ada, made), nil).is(200)
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE access_changes IN ACCESS EXCLUSIVE MODE")
	g.must(err)
	answers := make(chan int, 2)
	go func() { answers <- ask(key) }()
	g.eventually("a poll that waits", func() bool {
		var waiting int
		g.must(tx.NewRaw("SELECT count(*) FROM pg_locks WHERE relation = 'access_changes'::regclass AND NOT granted").Scan(t.Context(), &waiting))
		return waiting > 0
	})
	go func() { answers <- ask(key) }()
	early := time.NewTimer(200 * time.Millisecond)
	defer early.Stop()
	asked := 2
	select {
	case status := <-answers:
		same(t, "an answer before the poll has ended", status, 401)
		asked--
	case <-early.C:
	}
	g.must(tx.Rollback())
	for range asked {
		same(t, "after the poll", <-answers, 401)
	}
}
