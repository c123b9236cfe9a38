package handlers

import (
	"net/http"
	"reflect"

	"github.com/gin-gonic/gin"

	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/usage"
)

// RecordUsage counts what a gateway reports, one event or a batch; it answers when it is stored.
func (h *Handlers) RecordUsage(c *gin.Context) error {
	in, err := readUsage(bodyOf(c))
	if err != nil {
		return err
	}
	results, err := h.Recorder.Record(ctx(c), in)
	if err != nil {
		return err
	}
	if in.Events.Kind == input.Absent {
		writeJSON(c, http.StatusOK, results[0])
		return nil
	}
	statuses := map[string]int{}
	for _, result := range results {
		statuses[result.Status]++
	}
	writeJSON(c, http.StatusOK, gin.H{
		"results": results, "counted": statuses["counted"], "duplicates": statuses["duplicate"],
		"quarantined": statuses["quarantined"],
		"rejected":    statuses["invalid"] + statuses["conflict"],
	})
	return nil
}

// readUsage reads one event or a batch. What is wrong with an event of a batch is kept with it, so that it never costs
// the others.
func readUsage(body []byte) (in usage.Input, err error) {
	const list = "events"
	root, unread, err := parseBatch(body, list)
	if err != nil {
		return in, err
	}
	var events []node
	for i, m := range root.members {
		if m.name == list {
			events, root.members[i].node.items = m.node.items, nil
		}
	}
	b := &binder{}
	b.bind(root, "", reflect.ValueOf(&in).Elem())
	if len(b.problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.problems}
	}
	if err := aloneInBatch(root, list); err != nil {
		return in, err
	}
	if in.Events.Kind != input.Array {
		return in, nil
	}
	in.Events.Items = make([]usage.EventInput, len(events))
	for i, event := range events {
		one := &binder{}
		one.bind(event, index(list, i), reflect.ValueOf(&in.Events.Items[i]).Elem())
		if refusal := unread[i]; refusal != nil {
			one.problems = refusal.Problems
		}
		in.Events.Items[i].Unread = one.problems[:min(len(one.problems), maxEventProblems)]
	}
	return in, nil
}

// aloneInBatch refuses an event beside a list of events, since only one of both would count.
func aloneInBatch(root node, list string) error {
	if !hasMember(root.members, list) {
		return nil
	}
	for _, m := range root.members {
		if m.name != list {
			return problem.Refuse(
				problem.Invalid, m.name, "ambiguous_event", "Put this event into "+list+" too, or send it by itself.",
			)
		}
	}
	return nil
}

// maxEventProblems is more than a client reads of an event; a batch has a thousand of them.
const maxEventProblems = 10
