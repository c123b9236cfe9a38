package main

import (
	"net/http"
	"syscall"
	"testing"
)

// A console that is stopped has every refusal in the log; one that is killed misses the last seconds, and is known to.
func TestRefusalsOfEndedConsoles(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	refused := int64(0)
	ask := func(c *instance, times int) {
		t.Helper()
		for range times {
			answer := c.demand(t, http.StatusOK, http.MethodPost, "/api/decisions", key, `{"virtual_key": "unknown", "model": "openai/m"}`)
			if answer["type"] != "access_not_found" {
				t.Fatal(answer)
			}
			refused++
		}
	}
	logged := func() int64 { return number(t, db, "SELECT coalesce(sum(calls), 0) FROM refusals") }
	for round := range rounds(20) {
		one, two := start(t, environment), start(t, environment)
		ask(one, 20)
		ask(two, 10)
		eventually(t, "refusals are written while the consoles run", func() bool { return logged() == refused })
		ask(one, 5)
		ask(two, 5)
		for _, c := range []*instance{one, two} {
			if code := c.signal(t, syscall.SIGTERM); code != exitOK {
				t.Fatalf("round %d: exit code %d", round, code)
			}
		}
		if got := logged(); got != refused {
			t.Errorf("round %d: %d of %d refusals after the end", round, got, refused)
		}
		killed := start(t, environment)
		ask(killed, 10)
		eventually(t, "refusals are written", func() bool { return logged() == refused })
		written := refused
		ask(killed, 7)
		killed.signal(t, syscall.SIGKILL)
		got := logged()
		if got < written || got > refused {
			t.Errorf("round %d: %d of %d refusals after a kill", round, got, refused)
		}
		refused = got
		if silent := number(t, db, "SELECT count(*) FROM decision_consoles WHERE ended_at IS NULL"); silent != int64(round+1) {
			t.Errorf("round %d: %d consoles ended without warning", round, silent)
		}
	}
}
