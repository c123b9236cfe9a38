package web_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// Of many concurrent decisions, while nothing is cached or while all of the users have used something, each gets the
// answer for its own user.
func TestConcurrentDecisions(t *testing.T) {
	g := newGateway(t)
	const users = 40
	keys, batch := make([]string, users), []object{}
	for i := range users {
		g.addUser(fmt.Sprintf("user%d@example.com", i), "Viewer")
		_, keys[i] = g.give(g.userID(fmt.Sprintf("user%d@example.com", i)), g.work)
		batch = append(batch, with(event(keys[i], "tokens", i+1), "event_id", uuid.NewString()))
	}
	other, _ := g.another(g.appURL())
	client := g.admin.at(other)
	for round := range 3 {
		client.api("POST", "/api/governance/usage", object{"events": batch}).is(200)
		for i := range batch {
			batch[i] = with(batch[i], "event_id", uuid.NewString())
		}
		start := make(chan struct{})
		var asking sync.WaitGroup
		for i, key := range keys {
			asking.Go(func() {
				<-start
				answer := client.ask(model(key))
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
