package web_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// A change that was answered here applies to every decision requested after it, even among many concurrent ones.
func TestAnsweredChangeIsSeenAmongConcurrentDecisions(t *testing.T) {
	g := webtest.NewGateway(t)
	var others sync.WaitGroup
	asking, stop := context.WithCancel(t.Context())
	defer others.Wait()
	defer stop()
	for range 2 {
		others.Go(func() {
			for asking.Err() == nil {
				g.Bearer(g.Key).Get("/authz/forward?model=openai/gpt-4o").Is(200)
			}
		})
	}
	wrong := 0
	for round := range 150 {
		made := g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", webtest.Object{"name": fmt.Sprint("key ", round)}).Is(200).Object("virtual_key")
		key := made["value"].(string)
		g.Bearer(key).Get("/authz/nginx?model=openai/gpt-4o").Is(200)
		g.Admin.API("DELETE", webtest.KeyPath(g.Ada, made), nil).Is(200)
		doors := []func() bool{
			func() bool { return g.Admin.Ask(webtest.Model(key))["decision"].(bool) },
			func() bool { return g.Bearer(key).Get("/authz/nginx?model=openai/gpt-4o").StatusCode == http.StatusOK },
			func() bool {
				return g.Admin.API("POST", "/access/v1/evaluation", webtest.Evaluation(webtest.Entity("virtual_key", key), webtest.Modelled)).Is(200).JSON()["decision"].(bool)
			},
		}
		if doors[round%len(doors)]() {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d of 150 deleted keys were still allowed at once", wrong)
	}
}

// The same while the poll that another decision waits for is slow: later decisions wait for it too.
func TestADecisionWaitsForAPollUnderWay(t *testing.T) {
	g := webtest.NewGateway(t)
	made := g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", `{"name":"short-lived"}`).Is(200).Object("virtual_key")
	key := made["value"].(string)
	ask := func(key string) int { return g.Bearer(key).Get("/authz/nginx?model=openai/gpt-4o").StatusCode }
	webtest.Same(t, "before", ask(key), 200)

	tx, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	defer func() { _ = tx.Rollback() }() // it locks a row and changes nothing
	g.Admin.API("DELETE", webtest.KeyPath(g.Ada, made), nil).Is(200)
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE access_changes IN ACCESS EXCLUSIVE MODE")
	g.Must(err)
	answers := make(chan int, 2)
	go func() { answers <- ask(key) }()
	g.Eventually("a poll that waits", func() bool {
		var waiting int
		g.Must(tx.NewRaw("SELECT count(*) FROM pg_locks WHERE relation = 'access_changes'::regclass AND NOT granted").Scan(t.Context(), &waiting))
		return waiting > 0
	})
	go func() { answers <- ask(key) }()
	early := time.NewTimer(200 * time.Millisecond)
	defer early.Stop()
	asked := 2
	select {
	case status := <-answers:
		webtest.Same(t, "an answer before the poll has ended", status, 401)
		asked--
	case <-early.C:
	}
	g.Must(tx.Rollback())
	for range asked {
		webtest.Same(t, "after the poll", <-answers, 401)
	}
}
