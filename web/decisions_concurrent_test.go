package web_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// Of many concurrent decisions, while nothing is cached or while all of the users have used something, each gets the
// answer for its own user.
func TestConcurrentDecisions(t *testing.T) {
	g := webtest.NewGateway(t)
	const users = 40
	keys, batch := make([]string, users), []webtest.Object{}
	for i := range users {
		g.AddUser(fmt.Sprintf("user%d@example.com", i), "Viewer")
		_, keys[i] = g.Give(g.UserID(fmt.Sprintf("user%d@example.com", i)), g.Work)
		batch = append(batch, webtest.With(webtest.Event(keys[i], "tokens", i+1), "event_id", uuid.NewString()))
	}
	other, _ := g.Another(g.AppURL())
	client := g.Admin.At(other)
	for round := range 3 {
		client.API("POST", "/api/governance/usage", webtest.Object{"events": batch}).Is(200)
		for i := range batch {
			batch[i] = webtest.With(batch[i], "event_id", uuid.NewString())
		}
		start := make(chan struct{})
		var asking sync.WaitGroup
		for i, key := range keys {
			asking.Go(func() {
				<-start
				answer := client.Ask(webtest.Model(key))
				used := any(nil)
				for _, limit := range answer["limits"].([]any) {
					if limit.(map[string]any)["kind"] == "tokens" {
						used = limit.(map[string]any)["used"]
					}
				}
				if want := float64((round + 1) * (i + 1)); answer["decision"] != true || used != want {
					t.Errorf("round %d: user %d used %v tokens, want %v: %v", round, i, used, want, answer)
				}
			})
		}
		close(start)
		asking.Wait()
	}
}
