package web_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/modelstest"
	"tollgate/web/webtest"
)

// A slow look for blocked users makes no other one wait.
func TestBlockedUsersWaitForNoOther(t *testing.T) {
	g := webtest.NewGateway(t)
	begun, answered := make(chan struct{}), make(chan struct{})
	patience, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var slow atomic.Bool
	g.H.DB = g.H.DB.WithQueryHook(modelstest.Watch{Before: func(event *bun.QueryEvent) {
		if !strings.Contains(event.Query, "SELECT DISTINCT l.user_id FROM line") || slow.Swap(true) {
			return
		}
		close(begun)
		select {
		case <-answered:
		case <-patience.Done():
			t.Error("another look for blocked users waits for the first")
		}
	}})
	first := make(chan int, 1)
	go func() { first <- g.Session.Get("/users?blocked=true").StatusCode }()
	select {
	case <-begun:
	case <-patience.Done():
		t.Fatal("blocked users are not looked for")
	}
	g.Session.Get("/users?blocked=true").Is(http.StatusOK)
	close(answered)
	if status := <-first; status != http.StatusOK && status != http.StatusServiceUnavailable { // which it is after five seconds
		t.Errorf("the slow look: %d", status)
	}
}
