package intake

import (
	"reflect"
	"slices"
	"strconv"

	"tollgate/models/config"
	"tollgate/models/configdoc"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// Documents reads a request with documents of configuration. What the API answers but does not take is refused too: a
// file that says it would be wrong about what it does. Refusal: Unreadable.
func Documents(body []byte) (config.Request, error) {
	var in config.Request
	root, err := ParseJSON(body)
	if err != nil {
		return in, err
	}
	var documents Node
	root.Members = slices.DeleteFunc(root.Members, func(m member) bool {
		if m.Name == "documents" {
			documents = m.Node
		}
		return m.Name == "documents"
	})
	b := &Binder{exact: true}
	b.Bind(root, "", reflect.ValueOf(&in.Options).Elem())
	if documents.Kind != input.Absent && documents.Kind != input.Array {
		b.refuse("documents", "wrong_type", "Give a list of documents.")
	}
	for i, n := range documents.Items {
		if d := b.document(n, input.Index("documents", i)); d != nil {
			in.Documents = append(in.Documents, d)
		}
	}
	if len(b.Problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.Problems}
	}
	return in, nil
}

func (b *Binder) document(n Node, path string) configdoc.Document {
	if n.Kind != input.Object {
		b.refuse(path, "wrong_type", "Give a document as an object.")
		return nil
	}
	kind := n.Member("kind")
	if kind == nil {
		b.refuse(Join(path, "kind"), "required", "Say the kind of the document: "+input.Either(configdoc.Kinds)+".")
		return nil
	}
	d := configdoc.New(kind.Text)
	if d == nil || kind.Kind != input.String {
		b.refuse(Join(path, "kind"), "unknown_kind", "Choose "+input.Either(configdoc.Kinds)+"; "+
			strconv.Quote(problem.Clip(kind.Text))+" is no kind of document.")
		return nil
	}
	b.Bind(n, path, reflect.ValueOf(d).Elem())
	return d
}

// Tests reads a request with tests of a policy alone. Refusal: Unreadable.
func Tests(body []byte) (input.List[configdoc.TestsInput], error) {
	var in struct {
		input.Row
		Tests input.List[configdoc.TestsInput] `json:"tests"`
	}
	root, err := ParseJSON(body)
	if err != nil {
		return in.Tests, err
	}
	b := &Binder{exact: true}
	b.Bind(root, "", reflect.ValueOf(&in).Elem())
	if len(b.Problems) > 0 {
		return in.Tests, &problem.Refusal{Reason: problem.Unreadable, Problems: b.Problems}
	}
	return in.Tests, nil
}
