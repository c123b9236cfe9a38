package configdoc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// Canonical is a document in its one form: fields in the order of its input struct, without defaults and without what
// only the server sets.
type Canonical struct {
	Node configfile.Node
	Text string
}

// Same reports documents that say the same.
func (c Canonical) Same(other Canonical) bool { return c.Text == other.Text }

// CanonicalOf writes what is stored of a resource, as JSON of the API, as a document.
func CanonicalOf(kind string, protected bool, resource any) (Canonical, error) {
	encoded, err := json.Marshal(resource)
	if err != nil {
		return Canonical{}, fmt.Errorf("write a document: %w", err)
	}
	return CanonicalJSON(kind, protected, encoded)
}

// CanonicalJSON writes a resource as a document from the JSON that is stored of it.
func CanonicalJSON(kind string, protected bool, stored []byte) (Canonical, error) {
	file := configfile.Parse(kind+".json", stored)
	if len(file.Documents) != 1 || len(file.Problems) > 0 {
		return Canonical{}, fmt.Errorf("read a stored %s: %v", kind, file.Problems)
	}
	return canonicalNode(kind, protected, file.Documents[0]), nil
}

func canonicalNode(kind string, protected bool, stored configfile.Node) Canonical {
	node := filter(stored, reflect.TypeOf(New(kind)).Elem())
	node.Members = slices.Insert(node.Members, 0, member("kind", textNode(kind)))
	if protected {
		node.Members = append(node.Members, member("protected", configfile.Node{Kind: input.Bool, Text: "true"}))
	}
	return Canonical{node, string(node.AppendJSON(nil))}
}

func textNode(text string) configfile.Node { return configfile.Node{Kind: input.String, Text: text} }

func member(name string, n configfile.Node) configfile.Member {
	return configfile.Member{Name: name, Node: n}
}

// filter keeps what an input struct can hold, in its order, without defaults.
func filter(n configfile.Node, of reflect.Type) configfile.Node {
	switch {
	case of == valueType:
	case isList(of):
		items := make([]configfile.Node, len(n.Items))
		for i, item := range n.Items {
			items[i] = filter(item, listItem(of))
		}
		n.Items = items
	case n.Kind == input.Object:
		members := make([]configfile.Member, 0, len(n.Members))
		for _, f := range fieldsOf(of) {
			value, there := n.Get(f.name)
			if !there || f.header || f.serverOnly {
				continue
			}
			if value = filter(value, f.of); !f.isDefault(value) {
				members = append(members, member(f.name, value))
			}
		}
		n.Members = members
	}
	return n
}

// field is a field that a document can hold.
type field struct {
	name       string
	of         reflect.Type
	standing   string // its default where that is not empty
	header     bool   // of the document itself, not of the resource
	serverOnly bool   // the API answers it, or takes it from other clients
}

// isDefault reports a value that means the same as leaving it out.
func (f field) isDefault(n configfile.Node) bool {
	switch n.Kind {
	case input.Absent, input.Null:
		return true
	case input.Bool:
		return n.Text == "true" == (f.standing == "true")
	case input.String:
		return n.Text == "" || n.Text == f.standing
	case input.Number:
		return n.Text == f.standing
	case input.Object:
		return len(n.Members) == 0
	case input.Array:
		return len(n.Items) == 0
	}
	return false
}

var (
	valueType  = reflect.TypeFor[input.Value]()
	rowType    = reflect.TypeFor[input.Row]()
	headerType = reflect.TypeFor[Header]()
	formerType = reflect.TypeFor[Renamed]()
)

func isList(t reflect.Type) bool { return strings.HasPrefix(t.Name(), "List[") }

func listItem(t reflect.Type) reflect.Type {
	items, _ := t.FieldByName("Items")
	return items.Type.Elem()
}

// fieldsOf are the fields of an input struct that files can set. A field of the struct itself takes the place of one of
// that name in a struct that it embeds.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			fields = embedded(fields, f)
			continue
		}
		name, rule, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" {
			fields = append(fields, field{
				name: name, of: f.Type, standing: f.Tag.Get("default"), serverOnly: rule == "readonly" || rule == "unsupported",
			})
		}
	}
	return fields
}

func embedded(fields []field, f reflect.StructField) []field {
	if f.Type == rowType {
		return fields
	}
	for _, inner := range fieldsOf(f.Type) {
		inner.header = inner.header || f.Type == headerType || f.Type == formerType
		if at := slices.IndexFunc(fields, func(outer field) bool { return outer.name == inner.name }); at >= 0 {
			inner = fields[at]
			fields = slices.Delete(fields, at, at+1)
		}
		fields = append(fields, inner)
	}
	return fields
}
