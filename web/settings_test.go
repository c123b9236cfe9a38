package web_test

import (
	"strings"
	"testing"

	"tollgate/handlers"
	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// Settings say for how long what is kept, as it was set.
func TestSettingsSayWhatIsKept(t *testing.T) {
	long := ledger.Keep{Events: 41, Days: 900, Windows: 500, Audit: 77, Archive: "/archive"}
	for _, of := range []struct {
		keep  ledger.Keep
		words []string
	}{
		{ledger.DefaultKeep, []string{
			"Refused calls 30 days", "sums without names 13 months", "unknown keys 90 days", "deleted keys 36 days",
			"Usage events 90 days Usage by day 800 days", "Counters 400 days", "Audit log For good", "Versions For good",
		}},
		{long, []string{
			"Usage events 41 days, then in the archive", "by day 900 days", "Counters 500 days after",
			"Audit log 77 days, then in the archive",
		}},
	} {
		c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.About.Keep = of.keep })
		kept := webtest.Text(c.Login(webtest.Admin).Get("/settings").Is(200).One("section", "aria-labelledby", "retention"))
		for _, words := range of.words {
			if !strings.Contains(kept, words) {
				t.Errorf("nothing says %q: %s", words, kept)
			}
		}
	}
}

// Settings say how users sign in.
func TestSettingsSayHowToSignIn(t *testing.T) {
	s := webtest.NewStage(t)
	rules := webtest.Text(s.Session.Get("/settings").Is(200).One("section", "aria-labelledby", "sign-in"))
	for _, words := range []string{
		"End after 30 minutes without a request, and 12 hours after signing in", "At least 12 characters", "argon2id",
		"After 5 for one account from one address, or 30 from one network", "works once, within 24 hours", "tollgate user create --email ADDRESS --role Admin",
	} {
		if !strings.Contains(rules, words) {
			t.Errorf("nothing says %q: %s", words, rules)
		}
	}
}
