package config

import (
	"tollgate/models/configfile"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// SetDocument names the set that documents beside it belong to.
type SetDocument struct {
	input.Row
	Kind input.Value `json:"kind"`
	Name input.Value `json:"name"`
}

// Check finds what is wrong with documents and tests by themselves, without a console.
func Check(in Request) problem.Problems {
	r := &run{}
	problems := r.readAll(in.Documents)
	c := &input.Reader{}
	readTests(c, in.Tests)
	return append(problems, c.Problems...)
}

// Canonical is a document in its one form; nil when it has a problem.
func Canonical(d Document) *configfile.Node {
	w, problems := read(d, "")
	if len(problems) > 0 {
		return nil
	}
	body, err := canonicalOf(w.Kind, w.Protected, w.resource)
	if err != nil {
		return nil
	}
	if former := d.renamedFrom(); former.Given() {
		body.node.Members = append(body.node.Members, member("renamed_from", textNode(former.Text)))
	}
	return &body.node
}
