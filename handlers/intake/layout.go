package intake

import (
	"reflect"
	"strings"
	"sync"

	"tollgate/models/input"
)

// What a part of a request can be.
const (
	objectShape = iota
	listShape
	valueShape
)

// layout is what a type of input takes: a scalar, a list, or an object with fields.
type layout struct {
	shape int
	row   []int // where an object has its input.Row
	// Where fields are, by the name of their member: of JSON, and of a form.
	members, typed map[string]place
}

type place struct {
	index []int
	rule  string
	// Of a field that is not supported: the values that set nothing, and what to do instead.
	defaults []string
	instead  string
}

// layouts caches the layouts of all input types that were met so far.
var layouts sync.Map

func layoutOf(t reflect.Type) *layout {
	if known, ok := layouts.Load(t); ok {
		return known.(*layout)
	}
	l := &layout{members: map[string]place{}, typed: map[string]place{}}
	switch {
	case t == reflect.TypeFor[input.Value]():
		l.shape = valueShape
	case t.Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "List["):
		l.shape = listShape
	default:
		row, _ := t.FieldByName("Row")
		l.row = row.Index
		l.fields(t, nil)
	}
	layouts.Store(t, l)
	return l
}

// fields collects the fields of a struct and of its embedded structs. Forms have no read-only fields; JSON has no
// fields that are tagged form.
func (l *layout) fields(t reflect.Type, path []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(path[:len(path):len(path)], i)
		if f.Anonymous {
			if f.Type != reflect.TypeFor[input.Row]() {
				l.fields(f.Type, index)
			}
			continue
		}
		name, rule, _ := strings.Cut(f.Tag.Get("json"), ",")
		at := place{index: index, rule: rule}
		if rule == "unsupported" {
			at.defaults, at.instead = strings.Fields(f.Tag.Get("default")), f.Tag.Get("instead")
		}
		add(l.members, name, at)
		if name == "" {
			name = f.Tag.Get("form")
		}
		if rule == "" {
			add(l.typed, name, at)
		}
	}
}

// add keeps the first of a name.
func add(to map[string]place, name string, at place) {
	if _, taken := to[name]; !taken && name != "" {
		to[name] = at
	}
}

// find is where the member of a name goes.
func (l *layout) find(name string, typed bool) (place, bool) {
	if typed {
		at, ok := l.typed[name]
		return at, ok
	}
	at, ok := l.members[name]
	return at, ok
}
