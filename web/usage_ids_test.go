package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// An event's id is the gateway's id of the call: any visible ASCII text, compared exactly, and counted once in every
// further report.
func TestIDsOfEvents(t *testing.T) {
	g := newGateway(t)
	id := uuid.NewString()
	ids := []string{
		"chatcmpl-BkXq9", "chatcmpl-bkxq9", "msg_01AbC", "x", "00000000-0000-0000-0000-000000000000", id, strings.ReplaceAll(id, "-", ""), "{" + id + "}",
		"urn:uuid:" + id, `"quoted\`, strings.Repeat("~", 255), "resp_/a/b?c=%20#d",
	}
	var events []object
	for _, id := range ids {
		events = append(events, event(g.key, "event_id", id))
	}
	for i, one := range events {
		if i%2 == 0 {
			g.admin.counted(one)
		}
	}
	for round, want := range []string{"duplicate counted", "duplicate duplicate"} {
		got := objects(g.admin.report(object{"events": append(events, events...)}).is(200).json()["results"])
		for i := range events {
			same(t, fmt.Sprint("round ", round, " ", ids[i]), got[i]["event_id"], any(ids[i]))
			same(t, fmt.Sprint("round ", round, " ", ids[i]), got[i]["status"], any(strings.Fields(want)[i%2]))
			same(t, "twice in a batch", got[i+len(events)]["status"], any("duplicate"))
		}
	}
	g.admin.report(with(events[0], "cost", 2)).refuses(409, "event_conflict", "event_id")
	conflict := objects(g.admin.report(object{"events": []object{with(events[10], "cost", 2)}}).json()["results"])[0]
	same(t, "conflict", []any{conflict["status"], conflict["event_id"]}, []any{"conflict", ids[10]})
	same(t, "used", g.used(g.ada), afterCalls(int64(len(ids))))

	stray := event("not a key", "event_id", "chatcmpl-stray")
	for range 2 {
		same(t, "stray", g.admin.report(stray).is(200).json(), object{"event_id": "chatcmpl-stray", "status": "quarantined", "duplicate": false})
	}
	same(t, "kept under the id that was sent", g.count(`usage_quarantine WHERE event::jsonb ->> 'event_id' = 'chatcmpl-stray'`), 1)
	same(t, "found by the text that was sent", g.count("usage_events WHERE event_name = 'msg_01AbC'"), 1)
	g.balanced()
}
