package telemetry

import (
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"tollgate/models/problem"
)

// protobufSpans are the spans that were read so far.
type protobufSpans []span

// readProtobuf reads an ExportTraceServiceRequest, each span by itself. Refusals: Unreadable for a body that is none,
// TooLarge.
func readProtobuf(body []byte) ([]span, error) {
	var all protobufSpans
	if !eachPart(body, 1, all.addResource) {
		return nil, unreadableTraces(typeProtobuf)
	}
	if !all.room() {
		return nil, tooMany("spans")
	}
	return all, nil
}

// room reports whether the spans are not too many yet.
func (all *protobufSpans) room() bool { return len(*all) <= maxItems }

func (all *protobufSpans) addResource(i int, message []byte) bool {
	at := place{i, -1, -1}
	of, problem := protobufResource(message)
	if problem != nil {
		*all = append(*all, unreadable(at, "resource", problem.Code, problem.Message))
	}
	whole := eachPart(message, 2, func(j int, scope []byte) bool { return all.addScope(place{i, j, -1}, scope, of) })
	return all.end(at, whole)
}

func (all *protobufSpans) addScope(at place, message []byte, of attributes) bool {
	whole := eachPart(message, 2, func(k int, raw []byte) bool {
		s := protobufSpan(raw)
		s.at, s.resource = place{at.resource, at.scope, k}, of
		*all = append(*all, s)
		return all.room()
	})
	return all.end(at, whole)
}

// end rejects what cannot be read to its end.
func (all *protobufSpans) end(at place, whole bool) bool {
	if !whole {
		*all = append(*all, unreadable(at, "", unreadablePart.Code, unreadablePart.Message))
	}
	return all.room()
}

var (
	unreadablePart = &problem.Problem{Code: "unreadable", Message: "Send whole messages, with texts in UTF-8."}
	tooManyParts   = &problem.Problem{Code: "too_many_items", Message: partsMessage}
)

// eachPart calls f with the messages in a field of a message, which itself is read no deeper, until f returns false.
// It reports whether all that came before the end can be read.
func eachPart(message []byte, field protowire.Number, f func(i int, part []byte) bool) bool {
	for i := 0; len(message) > 0; {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return false
		}
		if number == field && kind == protowire.BytesType {
			part, _ := protowire.ConsumeBytes(message[n:])
			if !f(i, part) {
				return true
			}
			i++
		}
		message = message[n+size:]
	}
	return true
}

// unmarshal reads a message, unless it has so many parts that they would take too much memory.
func unmarshal(message []byte, into proto.Message, partsIn ...protowire.Number) *problem.Problem {
	n := 0
	for _, field := range partsIn {
		eachPart(message, field, func(int, []byte) bool { n++; return n <= maxParts })
	}
	switch {
	case n > maxParts:
		return tooManyParts
	case proto.Unmarshal(message, into) != nil:
		return unreadablePart
	}
	return nil
}

func protobufResource(message []byte) (attributes, *problem.Problem) {
	var of resource.Resource
	var merged []byte
	eachPart(message, 1, func(_ int, part []byte) bool { merged = append(merged, part...); return true })
	problem := unmarshal(merged, &of, 1)
	return protobufAttributes(of.GetAttributes()), problem
}

func protobufSpan(message []byte) span {
	var s trace.Span
	// Of a span, 9 are the attributes, 11 the events and 13 the links.
	if problem := unmarshal(message, &s, 9, 11, 13); problem != nil {
		return unreadable(place{}, "", problem.Code, problem.Message)
	}
	return span{
		trace: s.GetTraceId(), id: s.GetSpanId(), parent: s.GetParentSpanId(), name: s.GetName(),
		end: s.GetEndTimeUnixNano(), failed: s.GetStatus().GetCode() == statusError,
		own: protobufAttributes(s.GetAttributes()),
	}
}

func protobufAttributes(list []*common.KeyValue) attributes {
	all := make(attributes, len(list))
	for _, one := range list {
		switch v := one.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[one.GetKey()] = attribute{kind: textAttribute, text: v.StringValue}
		case *common.AnyValue_IntValue:
			all[one.GetKey()] = attribute{kind: intAttribute, i: v.IntValue}
		case *common.AnyValue_DoubleValue:
			all[one.GetKey()] = attribute{kind: doubleAttribute, d: v.DoubleValue}
		case nil: // it is not there
		default:
			all[one.GetKey()] = attribute{}
		}
	}
	return all
}
