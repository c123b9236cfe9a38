package tally

import (
	"errors"
	"math"
	"testing"
	"time"
)

// What is too large for a sum is refused, so that no batch counts less than its events.
func TestOverflow(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	one := Event{User: "u", OccurredAt: at, Tokens: math.MaxInt64/2 + 1}
	if _, err := Of([]Event{one}); err != nil {
		t.Error(err)
	}
	if _, err := Of([]Event{one, one}); !errors.Is(err, ErrOverflow) {
		t.Errorf("got %v", err)
	}
	charged := Event{User: "u", OccurredAt: at, Charges: []Charge{{Amount: math.MaxInt64}}}
	if _, err := Of([]Event{charged, charged}); !errors.Is(err, ErrOverflow) {
		t.Errorf("got %v", err)
	}
}
