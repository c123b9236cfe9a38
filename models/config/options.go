package config

import (
	"tollgate/models/configdoc"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/policycase"
	"tollgate/models/problem"
)

// Request is what a client sends to plan or apply documents.
type Request struct {
	Options
	Documents []configdoc.Document
}

// Options is a request without its documents.
type Options struct {
	input.Row
	Set        input.Value                      `json:"set"`
	Tests      input.List[configdoc.TestsInput] `json:"tests"`
	Prune      input.Value                      `json:"prune"`
	Release    input.Value                      `json:"release"`
	MaxDeletes input.Value                      `json:"max_deletes"`
	OnDrift    input.Value                      `json:"on_drift"`
	Plan       input.Value                      `json:"plan"`
	Propagate  input.Value                      `json:"propagate"`
}

// options are Options that were read.
type options struct {
	Set        string `json:"set"`
	Prune      bool   `json:"prune"`
	Release    bool   `json:"release"`
	MaxDeletes int64  `json:"max_deletes"`
	Revert     bool   `json:"revert"`
	Propagate  bool   `json:"propagate"`

	plan  string
	tests []policycase.Case
}

const usualDeletes = 10

// read checks the options. Refusals: Invalid, Forbidden for tests of what the actor may not view.
func (in Options) read(actor permission.Actor) (options, error) {
	c := &input.Reader{}
	o := options{MaxDeletes: usualDeletes}
	c.Required("set", in.Set, "the name of the set")
	o.Set, _ = c.Text("set", in.Set, input.TextRule{What: "the name of the set", Max: 64})
	o.Prune, _ = c.Bool("prune", in.Prune)
	o.Release, _ = c.Bool("release", in.Release)
	if n, ok := c.Int("max_deletes", in.MaxDeletes, "the number of deletions", 0, input.MaxCount); ok {
		o.MaxDeletes = n
	}
	if in.OnDrift.Kind != input.Absent {
		word, _ := c.Choice("on_drift", in.OnDrift, "invalid_on_drift", "Choose fail or revert.", []string{"fail", "revert"})
		o.Revert = word == "revert"
	}
	if in.Plan.Given() {
		o.plan, _ = c.Text("plan", in.Plan, input.TextRule{What: "the plan", Max: 64, Exact: true})
	}
	o.Propagate, _ = c.Bool("propagate", in.Propagate)
	o.tests = policycase.Read(c, in.Tests)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return o, err
	}
	return o, policycase.Viewable(actor, o.tests)
}
