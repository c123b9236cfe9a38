package telemetry

import (
	"math"
	"strconv"

	"tollgate/models/input"
)

// attribute is the value of an attribute.
type attribute struct {
	kind attributeKind
	text string
	i    int64
	d    float64
}

type attributeKind byte

const (
	noScalar attributeKind = iota // true or false, a list, a map, or bytes
	textAttribute
	intAttribute
	doubleAttribute
)

type attributes map[string]attribute

// first is the name of the first of the attributes that is there.
func (of attributes) first(names []string) (string, bool) {
	for _, name := range names {
		if _, ok := of[name]; ok {
			return name, true
		}
	}
	return "", false
}

// value is the first of the attributes that is there, as an event has it.
func (of attributes) value(names []string) input.Value {
	name, ok := of.first(names)
	if !ok {
		return input.Value{}
	}
	switch a := of[name]; {
	case a.kind == textAttribute:
		return input.Value{Kind: input.String, Text: a.text}
	case a.kind == intAttribute:
		return input.Value{Kind: input.Number, Text: strconv.FormatInt(a.i, 10)}
	case a.kind == doubleAttribute && !math.IsNaN(a.d) && !math.IsInf(a.d, 0):
		return input.Value{Kind: input.Number, Text: strconv.FormatFloat(a.d, 'f', -1, 64)}
	}
	return input.Value{Kind: input.Object}
}

// text is the first of the attributes that is text.
func (of attributes) text(names []string) string {
	for _, name := range names {
		if a := of[name]; a.kind == textAttribute && a.text != "" {
			return a.text
		}
	}
	return ""
}
