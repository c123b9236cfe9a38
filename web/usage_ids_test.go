package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// An event's id is the gateway's id of the call: any visible ASCII text, compared exactly, and counted once in every
// further report.
func TestIDsOfEvents(t *testing.T) {
	g := webtest.NewGateway(t)
	id := uuid.NewString()
	ids := []string{
		"chatcmpl-BkXq9", "chatcmpl-bkxq9", "msg_01AbC", "x", "00000000-0000-0000-0000-000000000000", id, strings.ReplaceAll(id, "-", ""), "{" + id + "}",
		"urn:uuid:" + id, `"quoted\`, strings.Repeat("~", 255), "resp_/a/b?c=%20#d",
	}
	var events []webtest.Object
	for _, id := range ids {
		events = append(events, webtest.Event(g.Key, "event_id", id))
	}
	for i, one := range events {
		if i%2 == 0 {
			g.Admin.Counted(one)
		}
	}
	for round, want := range []string{"duplicate counted", "duplicate duplicate"} {
		got := webtest.Objects(g.Admin.Report(webtest.Object{"events": append(events, events...)}).Is(200).JSON()["results"])
		for i := range events {
			webtest.Same(t, fmt.Sprint("round ", round, " ", ids[i]), got[i]["event_id"], any(ids[i]))
			webtest.Same(t, fmt.Sprint("round ", round, " ", ids[i]), got[i]["status"], any(strings.Fields(want)[i%2]))
			webtest.Same(t, "twice in a batch", got[i+len(events)]["status"], any("duplicate"))
		}
	}
	g.Admin.Report(webtest.With(events[0], "cost", 2)).Refuses(409, "event_conflict", "event_id")
	conflict := webtest.Objects(g.Admin.Report(webtest.Object{"events": []webtest.Object{webtest.With(events[10], "cost", 2)}}).JSON()["results"])[0]
	webtest.Same(t, "conflict", []any{conflict["status"], conflict["event_id"]}, []any{"conflict", ids[10]})
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(int64(len(ids))))

	stray := webtest.Event("not a key", "event_id", "chatcmpl-stray")
	for _, again := range []bool{false, true} {
		webtest.Same(t, "stray", g.Admin.Report(stray).Is(200).JSON(), webtest.Object{"event_id": "chatcmpl-stray", "status": "quarantined", "duplicate": again})
	}
	webtest.Same(t, "kept under the id that was sent", g.Count(`usage_quarantine WHERE event::jsonb ->> 'event_id' = 'chatcmpl-stray'`), 1)
	webtest.Same(t, "found by the text that was sent", g.Count("counted_events WHERE event_name = 'msg_01AbC'"), 1)
	g.Balanced()
}
