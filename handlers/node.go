package handlers

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// node is a request body as a tree, read from JSON or from a form, before it is checked against what may be sent.
type node struct {
	kind    input.Kind
	text    string
	members []member
	items   []node
	key     string   // of a form's row
	values  []string // of a form's field, every time it was sent
	typed   bool     // from a form
}

type member struct {
	name string
	node node
}

// binder checks a tree against an input struct: members without a field of that name are problems, read-only ones are
// passed over.
type binder struct{ problems problem.Problems }

// maxProblems is more than a client reads; a body of unknown fields must not be answered with one ten times its size.
const maxProblems = 1000

func (b *binder) refuse(path, code, message string) {
	if len(b.problems) < maxProblems {
		b.problems = append(b.problems, problem.Problem{Field: path, Code: code, Message: message})
	}
}

// bind fills target, a struct with an input.Row, an input.List or an input.Value.
func (b *binder) bind(n node, path string, target reflect.Value) {
	switch layoutOf(target.Type()).shape {
	case valueShape:
		b.value(n, path, target.Addr().Interface().(*input.Value))
	case listShape:
		b.list(n, path, target)
	case objectShape:
		b.object(n, path, target)
	}
}

func (b *binder) value(n node, path string, target *input.Value) {
	v := input.Value{Kind: n.kind, Text: n.text, FromForm: n.typed}
	if n.typed {
		for _, m := range n.members {
			b.refuse(join(path, m.name), "unknown_field", "Leave out "+join(path, m.name)+"; it is not a field here.")
		}
		switch len(n.values) {
		case 0:
			return
		case 1:
		default:
			b.refuse(path, "duplicate_field", "Send "+path+" once.")
		}
		v = input.FormValue(n.values[0])
	}
	*target = v
}

func (b *binder) list(n node, path string, target reflect.Value) {
	kind := n.kind
	children := n.items
	if n.typed {
		kind = input.Array
		for _, m := range n.members {
			key, row := strings.CutPrefix(m.name, "[")
			if !row {
				b.refuse(join(path, m.name), "unknown_field", "Leave out "+join(path, m.name)+"; it is not a field here.")
				continue
			}
			m.node.key = strings.TrimSuffix(key, "]")
			children = append(children, m.node)
		}
		for _, value := range n.values {
			children = append(children, node{typed: true, values: []string{value}})
		}
		children = children[:min(len(children), maxFormItems)]
	}
	target.FieldByName("Kind").Set(reflect.ValueOf(kind))
	items := target.FieldByName("Items")
	items.Set(reflect.MakeSlice(items.Type(), len(children), len(children)))
	for i, child := range children {
		b.bind(child, index(path, i), items.Index(i))
	}
}

func (b *binder) object(n node, path string, target reflect.Value) {
	kind := n.kind
	if n.typed {
		kind = input.Object
	}
	layout := layoutOf(target.Type())
	*target.FieldByIndex(layout.row).Addr().Interface().(*input.Row) = input.Row{Kind: kind, Key: n.key}
	if n.typed && len(n.values) > 0 {
		b.ticked(n, path, target)
		return
	}
	for _, m := range n.members {
		at, ok := layout.find(m.name, n.typed)
		switch {
		case !ok:
			b.refuse(join(path, m.name), "unknown_field", "Leave out "+join(path, m.name)+"; it is not a field here.")
		case at.rule == "unsupported":
			b.unsupported(m.node, join(path, m.name), at)
		case at.rule != "readonly":
			b.bind(m.node, join(path, m.name), target.FieldByIndex(at.index))
		}
	}
}

// unsupported refuses a field of the reference that sets something; at a default that sets nothing it is passed over.
func (b *binder) unsupported(n node, path string, at place) {
	literal := n.text
	switch {
	case n.kind == input.Null:
		return
	case n.kind == input.String:
		literal = strconv.Quote(n.text)
	case n.kind == input.Array && len(n.items) == 0:
		literal = "[]"
	}
	if !slices.Contains(at.defaults, literal) {
		b.refuse(path, "unsupported_field", "Leave out "+path+"; "+at.instead+" instead.")
	}
}

// ticked fills the one field of an object whose tick box was sent by itself.
func (b *binder) ticked(n node, path string, target reflect.Value) {
	if target.NumField() != 2 {
		b.refuse(path, "unknown_field", "Leave out "+path+"; it is not a field here.")
		return
	}
	b.value(n, path, target.Field(1).Addr().Interface().(*input.Value))
}

func join(path, name string) string {
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}
