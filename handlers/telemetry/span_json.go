package telemetry

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"
	"strconv"

	"tollgate/handlers/intake"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// The JSON of OTLP has its ids in hexadecimal and its long numbers as text.

// jsonSpans are the spans that were read so far.
type jsonSpans []span

// readJSON reads an ExportTraceServiceRequest, each part by itself. Refusals: Unreadable for a body that is none,
// TooLarge.
func readJSON(body []byte) ([]span, error) {
	root, ok := readObject(quoteNotJSON(body))
	if !ok {
		return nil, unreadableTraces(typeJSON)
	}
	if _, message := misnamed(root, "resourceSpans"); message != "" {
		return nil, intake.Unreadable("", "unknown_field", message)
	}
	var all jsonSpans
	for i, raw := range all.list(root, "resourceSpans", place{-1, -1, -1}) {
		at := place{i, -1, -1}
		one := all.object(raw, at, "scopeSpans")
		of := all.resource(one["resource"], at)
		for j, raw := range all.list(one, "scopeSpans", at) {
			at := place{i, j, -1}
			for k, raw := range all.list(all.object(raw, at), "spans", at) {
				s := jsonSpan(raw)
				s.at, s.resource = place{i, j, k}, of
				all = append(all, s)
			}
		}
	}
	if len(all) > maxItems {
		return nil, tooMany("spans")
	}
	return all, nil
}

// list yields the items of a list in an object, until there are too many spans. What is no list is rejected.
func (all *jsonSpans) list(o object, name string, at place) iter.Seq2[int, json.RawMessage] {
	list := o[name]
	if !absent(list) && list[0] != '[' {
		*all = append(*all, unreadable(at, name, "wrong_type", "Give a list."))
	}
	return func(yield func(i int, item json.RawMessage) bool) {
		for i, item := range items(list) {
			if len(*all) > maxItems || !yield(i, item) {
				return
			}
		}
	}
}

// object is an item of a list. What is none, or has names of another spelling, is rejected.
func (all *jsonSpans) object(raw json.RawMessage, at place, names ...string) object {
	o, ok := readObject(raw)
	if !ok {
		*all = append(*all, unreadable(at, "", "wrong_type", "Give an object."))
	}
	if field, message := misnamed(o, names...); message != "" {
		*all = append(*all, unreadable(at, field, "unknown_field", message))
	}
	return o
}

// resource reads the attributes of a resource. What cannot be read of it is rejected by itself.
func (all *jsonSpans) resource(raw json.RawMessage, at place) attributes {
	if absent(raw) {
		return nil
	}
	o, ok := readObject(raw)
	if !ok {
		*all = append(*all, unreadable(at, "resource", "wrong_type", "Give an object."))
	}
	rejected := span{at: at}
	of := rejected.readAttributes(o, "resource.")
	if len(rejected.unread) > 0 {
		*all = append(*all, rejected)
	}
	return of
}

func jsonSpan(raw json.RawMessage) (s span) {
	o, ok := readObject(raw)
	if !ok {
		s.reject("", "wrong_type", "Give an object.")
		return s
	}
	if field, message := misnamed(o, "traceId", "spanId", "parentSpanId", "endTimeUnixNano"); message != "" {
		s.reject(field, "unknown_field", message)
	}
	s.trace, s.id, s.parent = s.readID(o, "traceId"), s.readID(o, "spanId"), s.readID(o, "parentSpanId")
	if raw := o["name"]; !absent(raw) && json.Unmarshal(raw, &s.name) != nil {
		s.reject("name", "wrong_type", "Give the name as text.")
	}
	if raw := o["endTimeUnixNano"]; !absent(raw) {
		var err error
		if s.end, err = strconv.ParseUint(unquoted(raw), 10, 64); err != nil {
			s.reject("endTimeUnixNano", "invalid_timestamp", endMessage)
		}
	}
	status, _ := readObject(o["status"])
	code := unquoted(status["code"])
	s.failed = code == strconv.Itoa(statusError) || code == "STATUS_CODE_ERROR"
	s.own = s.readAttributes(o, "")
	return s
}

const endMessage = "Give the end in nanoseconds since 1970."

func (s *span) readID(o object, name string) []byte {
	var text string
	if raw := o[name]; !absent(raw) && json.Unmarshal(raw, &text) != nil {
		s.reject(name, "wrong_type", "Give the id as text in hexadecimal digits.")
	}
	id, err := hex.DecodeString(text)
	if err != nil {
		s.reject(name, "invalid_id", "Give the id in hexadecimal digits.")
	}
	return id
}

// readAttributes reads attributes, those of a resource below its path. A value that is none harms where it is used.
func (s *span) readAttributes(o object, path string) attributes {
	list := o["attributes"]
	if !absent(list) && list[0] != '[' {
		s.reject(path+"attributes", "wrong_type", "Give a list.")
	}
	all := attributes{}
	for i, raw := range items(list) {
		if i == maxParts {
			s.reject(path+"attributes", "too_many_items", partsMessage)
			break
		}
		var key string
		one, ok := readObject(raw)
		if !ok || json.Unmarshal(one["key"], &key) != nil {
			s.reject(input.Index(path+"attributes", i), "wrong_type", "Give an attribute as an object with a key that is text.")
			continue
		}
		if absent(one["value"]) {
			continue
		}
		at := path + "attributes[" + problem.Clip(key) + "]"
		value, ok := readObject(one["value"])
		if field, message := misnamed(value, "stringValue", "intValue", "doubleValue", "boolValue"); message != "" {
			s.reject(at+".value."+field, "unknown_field", message)
		}
		a, found, good := jsonAttribute(value)
		if found || !ok {
			all[key] = a
		}
		if (!good || !ok) && isRead[key] {
			s.reject(at, "wrong_type", "Give a value that is of the type by which it is named.")
		}
	}
	return all
}

// jsonAttribute reads the value of an attribute; found is false for none. It is not good when it is not what it says,
// or when there are two: which of them counts would be left to chance.
func jsonAttribute(value object) (a attribute, found, good bool) {
	for name, raw := range value {
		if absent(raw) {
			continue
		}
		if found {
			return attribute{}, true, false
		}
		var err error
		switch found = true; name {
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
		if err != nil {
			return attribute{}, true, false
		}
	}
	return a, found, true
}

func unquoted(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// snakeCase are the names of protobuf, which are no names of OTLP in JSON.
var snakeCase = map[string]string{
	"resourceSpans": "resource_spans", "scopeSpans": "scope_spans", "traceId": "trace_id", "spanId": "span_id",
	"parentSpanId": "parent_span_id", "endTimeUnixNano": "end_time_unix_nano", "stringValue": "string_value",
	"intValue": "int_value", "doubleValue": "double_value", "boolValue": "bool_value",
}

// misnamed finds one of the names as protobuf writes it, and says what to write instead. It would be passed over
// otherwise, as all that is unknown.
func misnamed(o object, names ...string) (field, message string) {
	for _, name := range names {
		if _, found := o[snakeCase[name]]; found {
			return snakeCase[name], "Write " + name + " instead of " + snakeCase[name] +
				": OTLP in JSON has its names in lowerCamelCase."
		}
	}
	return "", ""
}
