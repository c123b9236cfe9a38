package schema_test

import (
	"errors"
	"log/slog"
	"testing"

	"tollgate/models/modelstest"
	"tollgate/models/schema"
)

// Of consoles that start at the same time with different secrets one stays, the first by its id, and the others leave
// nothing behind.
func TestOneSecretIsServed(t *testing.T) {
	t.Parallel()
	db := owned(t)
	var beats []*schema.Heartbeat
	for _, address := range []string{"127.0.0.1:4441", "127.0.0.1:4442", "127.0.0.1:4443"} {
		heartbeat, err := schema.NewHeartbeat(db, slog.New(slog.DiscardHandler), "v1", address, []byte(address))
		if err != nil {
			t.Fatal(err)
		}
		if err := heartbeat.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		beats = append(beats, heartbeat)
	}
	for i, heartbeat := range beats {
		err := heartbeat.Begin(t.Context())
		var other schema.OtherSecretError
		if first := i == 0; first != (err == nil) || !first && !errors.As(err, &other) {
			t.Errorf("console %d begins with %v", i, err)
		}
	}
	modelstest.AssertValue(t, db, 1, "SELECT count(*) FROM consoles WHERE id LIKE '%:4441 %'")
	modelstest.AssertValue(t, db, 1, "SELECT count(*) FROM consoles")
}
