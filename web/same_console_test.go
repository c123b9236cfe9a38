package web_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// A change that was answered here applies to every decision requested after it, even among many concurrent ones.
func TestAnsweredChangeIsSeenAmongConcurrentDecisions(t *testing.T) {
	g := webtest.NewGateway(t)
	// A poll that takes too long refuses until the next one.
	decided := func(ask func() webtest.Answer) (a webtest.Answer) {
		g.Eventually("a decision", func() bool {
			a = ask()
			return a.StatusCode != http.StatusServiceUnavailable && a.Header.Get("X-Access-Status") != "503"
		})
		return a
	}
	var others sync.WaitGroup
	asking, stop := context.WithCancel(t.Context())
	defer others.Wait()
	defer stop()
	for range 2 {
		others.Go(func() {
			for asking.Err() == nil {
				decided(func() webtest.Answer { return g.Bearer(g.Key).Get("/authz/forward?model=openai/gpt-4o") }).Is(200)
			}
		})
	}
	wrong := 0
	for round := range 150 {
		made := g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", webtest.Object{"name": fmt.Sprint("key ", round)}).Is(200).Object("virtual_key")
		key := made["value"].(string)
		nginx := func() webtest.Answer { return g.Bearer(key).Get("/authz/nginx?model=openai/gpt-4o") }
		decided(nginx).Is(200)
		g.Admin.API("DELETE", webtest.KeyPath(g.Ada, made), nil).Is(200)
		doors := []func() bool{
			func() bool {
				return decided(func() webtest.Answer { return g.Admin.API("POST", "/api/governance/decisions", webtest.Model(key)) }).Is(200).JSON()["decision"].(bool)
			},
			func() bool { return decided(nginx).StatusCode == http.StatusOK },
			func() bool {
				return decided(func() webtest.Answer {
					return g.Admin.API("POST", "/access/v1/evaluation", webtest.Evaluation(webtest.Entity("virtual_key", key), webtest.Modelled))
				}).Is(200).JSON()["decision"].(bool)
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
	// A poll that was held up for too long refuses: then it is tried again with another key.
	g.Eventually("answers of polls that were in time", func() bool {
		made := g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", webtest.Object{"name": uuid.NewString()}).Is(200).Object("virtual_key")
		answers, inTime := make(chan webtest.Answer, 2), true
		ask := func() webtest.Answer {
			return g.Bearer(made["value"].(string)).Get("/authz/nginx?model=openai/gpt-4o")
		}
		answered := func(when string, a webtest.Answer) {
			if a.Header.Get("X-Access-Status") == "503" {
				inTime = false
				return
			}
			webtest.Same(t, when, a.StatusCode, 401)
		}
		if ask().StatusCode != 200 {
			return false
		}
		tx, err := g.Owner().BeginTx(t.Context(), nil)
		g.Must(err)
		defer func() { _ = tx.Rollback() }() // it locks a row and changes nothing
		g.Admin.API("DELETE", webtest.KeyPath(g.Ada, made), nil).Is(200)
		_, err = tx.ExecContext(t.Context(), "LOCK TABLE access_changes IN ACCESS EXCLUSIVE MODE")
		g.Must(err)
		go func() { answers <- ask() }()
		g.Eventually("a poll that waits", func() bool {
			var waiting int
			g.Must(tx.NewRaw("SELECT count(*) FROM pg_locks WHERE relation = 'access_changes'::regclass AND NOT granted").Scan(t.Context(), &waiting))
			return waiting > 0
		})
		go func() { answers <- ask() }()
		early := time.NewTimer(200 * time.Millisecond)
		defer early.Stop()
		asked := 2
		select {
		case a := <-answers:
			answered("an answer before the poll has ended", a)
			asked--
		case <-early.C:
		}
		g.Must(tx.Rollback())
		for range asked {
			answered("after the poll", <-answers)
		}
		return inTime
	})
}
