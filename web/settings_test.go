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
	for _, words := range []string{"Refused calls 30 days", "sums without names 13 months", "audit For good"} {
		if !strings.Contains(kept, words) {
			t.Errorf("nothing says %q: %s", words, kept)
		}
	}
}
