package web_test

import (
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Settings say for how long what is kept.
func TestSettingsSayWhatIsKept(t *testing.T) {
	s := webtest.NewStage(t)
	kept := webtest.Text(s.Session.Get("/settings").Is(200).One("section", "aria-labelledby", "retention"))
	for _, words := range []string{"Refused calls 30 days", "sums without names 13 months", "unknown keys 90 days", "deleted keys 36 days", "audit For good"} {
		if !strings.Contains(kept, words) {
			t.Errorf("nothing says %q: %s", words, kept)
		}
	}
}

// Settings say how users sign in.
func TestSettingsSayHowToSignIn(t *testing.T) {
	s := webtest.NewStage(t)
	rules := webtest.Text(s.Session.Get("/settings").Is(200).One("section", "aria-labelledby", "sign-in"))
	for _, words := range []string{
		"End after 30 minutes without a request, and 12 hours after signing in", "At least 12 characters", "argon2id",
		"After 5 for one account, or 30 from one network", "works once, within 24 hours", "tollgate user create --email ADDRESS --role Admin",
	} {
		if !strings.Contains(rules, words) {
			t.Errorf("nothing says %q: %s", words, rules)
		}
	}
}
