package telemetry

import (
	"slices"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// readProtobuf reads an ExportTraceServiceRequest, each span by itself. Refusal: Unreadable for a body that is none.
func readProtobuf(body []byte) (spans []span, err error) {
	resources, ok := parts(body, 1)
	if !ok {
		return nil, unreadableTraces(typeProtobuf)
	}
	for i, one := range resources {
		attributes, good := protobufResource(one)
		if !good {
			spans = append(spans, unreadable(place{i, -1, -1}, "resource", "unreadable", unreadableMessage))
		}
		scopes, good := parts(one, 2)
		if !good {
			spans = append(spans, unreadable(place{i, -1, -1}, "", "unreadable", unreadableMessage))
		}
		for j, scope := range scopes {
			list, good := parts(scope, 2)
			if !good {
				spans = append(spans, unreadable(place{i, j, -1}, "", "unreadable", unreadableMessage))
			}
			for k, raw := range list {
				s := protobufSpan(raw)
				s.at, s.resource = place{i, j, k}, attributes
				spans = append(spans, s)
			}
		}
	}
	return spans, nil
}

const unreadableMessage = "Send whole messages, with texts in UTF-8."

// parts are the messages in a field of a message, which itself is read no deeper; ok is false after what cannot be
// read.
func parts(message []byte, field protowire.Number) (all [][]byte, ok bool) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return all, false
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return all, false
		}
		if number == field && kind == protowire.BytesType {
			part, _ := protowire.ConsumeBytes(message[n:])
			all = append(all, part)
		}
		message = message[n+size:]
	}
	return all, true
}

func protobufResource(message []byte) (attributes, bool) {
	var of resource.Resource
	list, _ := parts(message, 1)
	err := proto.Unmarshal(slices.Concat(list...), &of)
	return protobufAttributes(of.GetAttributes()), err == nil
}

func protobufSpan(message []byte) span {
	var s trace.Span
	if proto.Unmarshal(message, &s) != nil {
		return unreadable(place{}, "", "unreadable", unreadableMessage)
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
