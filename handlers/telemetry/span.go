package telemetry

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is what is read of a span.
type span struct {
	trace, id, parent []byte
	name              string
	end               uint64 // nanoseconds since 1970
	failed            bool
	own, resource     attributes
	at                place
}

// place is where a span is in what was sent.
type place struct{ resource, scope, span int }

// statusError is the code of a span that failed.
const statusError = 2

// readProtobuf reads an ExportTraceServiceRequest, which has the field of TracesData.
func readProtobuf(body []byte) ([]span, error) {
	var data trace.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		return nil, err
	}
	var spans []span
	for i, resource := range data.GetResourceSpans() {
		of := attributesOf(resource.GetResource().GetAttributes())
		for j, scope := range resource.GetScopeSpans() {
			for k, s := range scope.GetSpans() {
				spans = append(spans, span{
					at: place{i, j, k}, trace: s.GetTraceId(), id: s.GetSpanId(), parent: s.GetParentSpanId(), name: s.GetName(),
					end: s.GetEndTimeUnixNano(), failed: s.GetStatus().GetCode() == statusError,
					own: attributesOf(s.GetAttributes()), resource: of,
				})
			}
		}
	}
	return spans, nil
}

func attributesOf(list []*common.KeyValue) attributes {
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

// The JSON of OTLP has its ids in hexadecimal and its long numbers as text. Names count exactly as they are written,
// which encoding/json ensures for maps alone.
type object = map[string]json.RawMessage

// readJSON reads the same in JSON.
func readJSON(body []byte) (spans []span, err error) {
	var root object
	if err := json.Unmarshal(body, &root); err != nil {
		return nil, err
	}
	err = each(root, "resourceSpans", func(i int, resource object) error {
		var of object
		if err := member(resource, "resource", &of); err != nil {
			return err
		}
		shared, err := jsonAttributes(of)
		if err != nil {
			return err
		}
		return each(resource, "scopeSpans", func(j int, scope object) error {
			return each(scope, "spans", func(k int, o object) error {
				s, err := jsonSpan(o)
				s.resource, s.at = shared, place{i, j, k}
				spans = append(spans, s)
				return err
			})
		})
	})
	return spans, err
}

func jsonSpan(o object) (s span, err error) {
	var status object
	var end json.RawMessage
	var trace, id, parent string
	err = errors.Join(member(o, "traceId", &trace), member(o, "spanId", &id), member(o, "parentSpanId", &parent),
		member(o, "name", &s.name), member(o, "endTimeUnixNano", &end), member(o, "status", &status))
	if err != nil {
		return s, err
	}
	for _, one := range []struct {
		text string
		to   *[]byte
	}{{trace, &s.trace}, {id, &s.id}, {parent, &s.parent}} {
		if *one.to, err = hex.DecodeString(one.text); err != nil {
			return s, fmt.Errorf("read an id: %w", err)
		}
	}
	if len(end) > 0 {
		if s.end, err = strconv.ParseUint(unquoted(end), 10, 64); err != nil {
			return s, fmt.Errorf("read when a span ended: %w", err)
		}
	}
	code := unquoted(status["code"])
	s.failed = code == strconv.Itoa(statusError) || code == "STATUS_CODE_ERROR"
	s.own, err = jsonAttributes(o)
	return s, err
}

func jsonAttributes(of object) (attributes, error) {
	all := attributes{}
	err := each(of, "attributes", func(_ int, o object) error {
		var key string
		var value object
		if err := errors.Join(member(o, "key", &key), member(o, "value", &value)); err != nil {
			return err
		}
		a, ok, err := jsonAttribute(value)
		if ok {
			all[key] = a
		}
		return err
	})
	return all, err
}

// jsonAttribute reads the value of an attribute; ok is false for none.
func jsonAttribute(value object) (a attribute, ok bool, err error) {
	for name, raw := range value {
		switch ok = true; name {
		case "stringValue":
			a.kind = textAttribute
			err = json.Unmarshal(raw, &a.text)
		case "intValue":
			a.kind = intAttribute
			a.i, err = strconv.ParseInt(unquoted(raw), 10, 64)
		case "doubleValue":
			a.kind = doubleAttribute
			if a.d, err = strconv.ParseFloat(unquoted(raw), 64); errors.Is(err, strconv.ErrRange) {
				err = nil // it is infinite
			}
		}
	}
	return a, ok, err
}

func unquoted(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// member reads a member that may be left out.
func member(o object, name string, to any) error {
	raw, ok := o[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func each(o object, name string, do func(int, object) error) error {
	var list []object
	if err := member(o, name, &list); err != nil {
		return err
	}
	for i, one := range list {
		if err := do(i, one); err != nil {
			return err
		}
	}
	return nil
}
