package intake

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// Node is a request body as a tree, read from JSON or from a form, before it is checked against what may be sent.
type Node struct {
	Kind    input.Kind
	Text    string
	Members []member
	Items   []Node
	key     string   // of a form's row
	values  []string // of a form's field, every time it was sent
	typed   bool     // from a form
}

// member is one member of an object.
type member struct {
	Name string
	Node Node
}

// Binder checks a tree against an input struct: members without a field of that name are problems, read-only ones are
// passed over.
type Binder struct {
	Problems problem.Problems
	exact    bool // read-only members are unknown too
}

// maxProblems is more than a client reads. It bounds the answer to a body of many unknown fields.
const maxProblems = 1000

func (b *Binder) refuse(path, code, message string) {
	if len(b.Problems) < maxProblems {
		b.Problems = append(b.Problems, problem.Problem{Field: path, Code: code, Message: message})
	}
}

// Bind fills target, a struct with an input.Row, an input.List or an input.Value.
func (b *Binder) Bind(n Node, path string, target reflect.Value) {
	switch layoutOf(target.Type()).shape {
	case valueShape:
		b.value(n, path, target.Addr().Interface().(*input.Value))
	case listShape:
		b.list(n, path, target)
	case objectShape:
		b.object(n, path, target)
	}
}

func (b *Binder) value(n Node, path string, target *input.Value) {
	v := input.Value{Kind: n.Kind, Text: n.Text, FromForm: n.typed}
	if n.typed {
		for _, m := range n.Members {
			b.refuse(Join(path, m.Name), "unknown_field", "Leave out "+Join(path, m.Name)+"; it is not a field here.")
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

func (b *Binder) list(n Node, path string, target reflect.Value) {
	kind := n.Kind
	children := n.Items
	if n.typed {
		kind = input.Array
		for _, m := range n.Members {
			key, row := strings.CutPrefix(m.Name, "[")
			if !row {
				b.refuse(Join(path, m.Name), "unknown_field", "Leave out "+Join(path, m.Name)+"; it is not a field here.")
				continue
			}
			m.Node.key = strings.TrimSuffix(key, "]")
			children = append(children, m.Node)
		}
		for _, value := range n.values {
			children = append(children, Node{typed: true, values: []string{value}})
		}
		children = children[:min(len(children), maxFormItems)]
	}
	target.FieldByName("Kind").Set(reflect.ValueOf(kind))
	items := target.FieldByName("Items")
	items.Set(reflect.MakeSlice(items.Type(), len(children), len(children)))
	for i, child := range children {
		b.Bind(child, input.Index(path, i), items.Index(i))
	}
}

func (b *Binder) object(n Node, path string, target reflect.Value) {
	kind := n.Kind
	if n.typed {
		kind = input.Object
	}
	layout := layoutOf(target.Type())
	*target.FieldByIndex(layout.row).Addr().Interface().(*input.Row) = input.Row{Kind: kind, Key: n.key}
	if n.typed && len(n.values) > 0 {
		b.ticked(n, path, target)
		return
	}
	for _, m := range n.Members {
		at, ok := layout.find(m.Name, n.typed)
		switch {
		case !ok, b.exact && at.rule == "readonly":
			b.refuse(Join(path, m.Name), "unknown_field", "Leave out "+Join(path, m.Name)+"; it is not a field here.")
		case at.rule == "unsupported":
			b.unsupported(m.Node, Join(path, m.Name), at)
		case at.rule != "readonly":
			b.Bind(m.Node, Join(path, m.Name), target.FieldByIndex(at.index))
		}
	}
}

// unsupported refuses a field of the reference that sets something; at a default that sets nothing it is passed over.
func (b *Binder) unsupported(n Node, path string, at place) {
	literal := n.Text
	switch {
	case n.Kind == input.Null:
		return
	case n.Kind == input.String:
		literal = strconv.Quote(n.Text)
	case n.Kind == input.Array && len(n.Items) == 0:
		literal = "[]"
	}
	if !slices.Contains(at.defaults, literal) {
		b.refuse(path, "unsupported_field", "Leave out "+path+"; "+at.instead+" instead.")
	}
}

// ticked fills the one field of an object whose tick box was sent by itself.
func (b *Binder) ticked(n Node, path string, target reflect.Value) {
	if target.NumField() != 2 {
		b.refuse(path, "unknown_field", "Leave out "+path+"; it is not a field here.")
		return
	}
	b.value(n, path, target.Field(1).Addr().Interface().(*input.Value))
}

// Join is the path of a member.
func Join(path, name string) string {
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}

// Member returns the member with a name; nil if there is none.
func (n *Node) Member(name string) *Node {
	for i := range n.Members {
		if n.Members[i].Name == name {
			return &n.Members[i].Node
		}
	}
	return nil
}
