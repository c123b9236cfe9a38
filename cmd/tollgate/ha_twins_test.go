package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
)

// The checks of TestHighAvailability find what they are for: a key that consoles still allow, and an event in two weeks.
func TestTwinsOfHighAvailabilityChecks(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	load := newHALoad(t, key, start(t, environment), start(t, environment))
	made := load.consoles[0].demand(t, http.StatusOK, "POST", "/api/users/"+load.keyUser+"/virtual-keys", key, "")["virtual_key"].(map[string]any)
	id, value := made["id"].(string), made["value"].(string)
	eventually(t, "both consoles allow a new key", func() bool { return len(load.allowing(value)) == 2 })
	if load.revoked(value, id, true); load.keysRevoked != 1 || len(load.stale) != 2 {
		t.Errorf("a key that was not deleted: %d, %v", load.keysRevoked, load.stale)
	}
	load.consoles[0].demand(t, http.StatusOK, "DELETE", "/api/users/"+load.keyUser+"/access-profiles/virtual-keys/"+id, key, "")
	eventually(t, "no console allows the deleted key", func() bool { return len(load.allowing(value)) == 0 })
	if load.revoked(value, id, true); len(load.stale) != 2 {
		t.Errorf("a key that was deleted: %v", load.stale)
	}

	event := load.l.call(fmt.Sprintf(`, "event_id": %q, "cost": 1`, uuid.NewString()))
	for i := range 2 {
		load.consoles[i].demand(t, http.StatusOK, "POST", "/api/usage", key, event)
	}
	if n := twice(t, db); n != 0 {
		t.Errorf("%d events are stored twice after one was reported twice", n)
	}
	if _, err := db.Exec(`CREATE TABLE another_week (LIKE weekly_events INCLUDING CONSTRAINTS);
ALTER TABLE weekly_events ATTACH PARTITION another_week FOR VALUES IN ('2020-01-06');
INSERT INTO weekly_events SELECT (jsonb_populate_record(e, '{"week": "2020-01-06"}')).* FROM weekly_events AS e`); err != nil {
		t.Fatal(err)
	}
	if n := twice(t, db); n != 1 {
		t.Errorf("%d events are stored twice, want the one in two weeks", n)
	}
}
