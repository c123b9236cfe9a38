package window_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/models/window"
)

func TestSuggestZones(t *testing.T) {
	for text, want := range map[string][]string{
		"europe/berlin": {"Europe/Berlin"}, "Berlin": {"Europe/Berlin"}, "Europe/Berln": {"Europe/Berlin"}, "new york": {"America/New_York"},
		"Europa/Berlin": {"Europe/Berlin"}, "": {}, "zzzzzz": {}, strings.Repeat("x", 500): {},
	} {
		got := window.SuggestZones(text)
		if len(got) != len(want) || !slices.Equal(got, want) && len(want) > 0 {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
		for _, name := range got {
			if _, err := time.LoadLocation(name); err != nil {
				t.Error(err)
			}
		}
	}
}
