package gateway

import (
	"net/http"
	"reflect"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/usage"
)

// RecordUsage counts what a gateway reports, one event or a batch; it answers when it is stored, or with 202 when it is
// in the spool.
func (g *Gateway) RecordUsage(c *gin.Context) error {
	in, err := readUsage(reqctx.Body(c))
	if err != nil {
		return err
	}
	results, err := g.Recorder.Record(reqctx.Of(c), in)
	if err != nil {
		return err
	}
	statuses := map[string]int{}
	for _, result := range results {
		statuses[result.Status]++
	}
	status := http.StatusOK
	if statuses["spooled"] > 0 {
		status = http.StatusAccepted
	}
	if in.Events.Kind == input.Absent {
		reply.JSON(c, status, results[0])
		return nil
	}
	answer := gin.H{
		"results": results, "counted": statuses["counted"], "duplicates": statuses["duplicate"],
		"quarantined": statuses["quarantined"],
		"rejected":    statuses["invalid"] + statuses["conflict"],
	}
	if n := statuses["spooled"]; n > 0 {
		answer["spooled"] = n
	}
	reply.JSON(c, status, answer)
	return nil
}

// readUsage reads one event or a batch. Problems of an event of a batch are kept with it, so that the other events are
// still counted.
func readUsage(body []byte) (in usage.Input, err error) {
	if intake.ReadFlat(body, &in) { // one event
		return in, nil
	}
	const list = "events"
	root, unread, err := intake.ParseBatch(body, list)
	if err != nil {
		return in, err
	}
	var events []intake.Node
	for i, m := range root.Members {
		if m.Name == list {
			events, root.Members[i].Node.Items = m.Node.Items, nil
		}
	}
	b := &intake.Binder{}
	b.Bind(root, "", reflect.ValueOf(&in).Elem())
	if len(b.Problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.Problems}
	}
	if err := aloneInBatch(root, list); err != nil {
		return in, err
	}
	if in.Events.Kind != input.Array {
		return in, nil
	}
	in.Events.Items = make([]usage.EventInput, len(events))
	for i, event := range events {
		one := &intake.Binder{}
		one.Bind(event, input.Index(list, i), reflect.ValueOf(&in.Events.Items[i]).Elem())
		if refusal := unread[i]; refusal != nil {
			one.Problems = refusal.Problems
		}
		in.Events.Items[i].Unread = one.Problems[:min(len(one.Problems), maxEventProblems)]
	}
	return in, nil
}

// aloneInBatch refuses an event beside a list of events, because only one of the two would be counted.
func aloneInBatch(root intake.Node, list string) error {
	if !intake.HasMember(root.Members, list) {
		return nil
	}
	for _, m := range root.Members {
		if m.Name != list {
			return problem.Refuse(
				problem.Invalid, m.Name, "ambiguous_event", "Put this event into "+list+" too, or send it by itself.",
			)
		}
	}
	return nil
}

// maxEventProblems is more than a client reads of an event; a batch has a thousand of them.
const maxEventProblems = 10
