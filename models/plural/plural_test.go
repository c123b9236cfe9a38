package plural_test

import (
	"testing"

	"tollgate/models/plural"
)

func TestOf(t *testing.T) {
	for want, got := range map[string]string{
		"0 users":          plural.Of(0, "user"),
		"1 user":           plural.Of(1, "user"),
		"2 users":          plural.Of(int64(2), "user"),
		"1 user holds":     plural.Of(1, "user holds", "users hold"),
		"1,000 users hold": plural.Of(1000, "user holds", "users hold"),
		"-1,234,567":       plural.Count(-1_234_567),
		"999":              plural.Count(999),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
