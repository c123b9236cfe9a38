package configdoc

import "tollgate/models/input"

// SetDocument names the set that documents beside it belong to.
type SetDocument struct {
	input.Row
	Kind input.Value `json:"kind"`
	Name input.Value `json:"name"`
}

// TestsInput is a document with tests of a policy.
type TestsInput struct {
	input.Row
	Kind  input.Value           `json:"kind"`
	Name  input.Value           `json:"name"`
	Cases input.List[CaseInput] `json:"cases"`
}

// CaseInput says what a subject may call and what not.
type CaseInput struct {
	input.Row
	As     input.Value             `json:"as"`
	Allow  input.List[input.Value] `json:"allow"`
	Deny   input.List[input.Value] `json:"deny"`
	Reason input.Value             `json:"reason"`
}
