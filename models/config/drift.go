package config

import (
	"strings"

	"tollgate/models/configdoc"
	"tollgate/models/configset"
	"tollgate/models/problem"
)

// settle compares three ways: what was applied last, what the console has, and what the document says.
func (r *run) settle(s *step) {
	owner := r.state.owners[s.ID]
	if s.old != nil {
		owner = s.old.owner
	}
	if owner == nil {
		r.settleAdopted(s)
		return
	}
	if owner.SetName != r.Set {
		r.conflicts = append(r.conflicts, Conflict{
			Kind: s.Kind, Name: s.Name, Code: "owned_by_other_set", Param: s.At, Message: problem.Clip(s.Name) +
				" belongs to the set " + owner.SetName + ". Remove it from these files, or remove its document from the files of " +
				owner.SetName + " and apply them with --release (release in the API).",
		})
		return
	}
	s.drift = r.state.drift(owner, s.old)
	if s.drift != "" && !s.unchanged() && !r.Revert {
		r.conflicts = append(r.conflicts, drifted(owner, s.old, s.At))
	}
}

// settleAdopted finds what a document would take from a resource of no set: it was made in the console, and is not the
// set's to remove.
func (r *run) settleAdopted(s *step) {
	if s.old == nil || r.Revert {
		return
	}
	kept, left := configdoc.Keep(s.Body.Node, s.old.body.Node)
	if !left {
		return
	}
	c := Conflict{Kind: s.Kind, Name: s.Name, Code: "drift", Param: s.At}
	c.Fields = configdoc.Compare(s.Body.Node, kept)
	fields := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		fields[i] = f.Field
	}
	c.Message = problem.Clip(s.Name) + " belongs to no set, and this document leaves out what it has in the console (" +
		problem.Clip(strings.Join(fields, ", ")) + "). Pull that into the files, or apply with --on-drift revert " +
		"(on_drift in the API) to remove it."
	r.conflicts = append(r.conflicts, c)
}

// handedOver is the drift of a user whom a directory has now.
const handedOver = "handed_over"

// drift is how the console differs from what was applied last.
func (s *state) drift(owner *configset.Owned, row *current) string {
	switch {
	case row == nil && s.managed[owner.ID()]:
		return handedOver
	case row == nil:
		return "deleted"
	case row.body.Text == owner.Applied, row.body.Same(owner.Base()):
		return ""
	}
	return "changed"
}

func drifted(owner *configset.Owned, row *current, param string) Conflict {
	c := Conflict{Kind: owner.Kind, Name: owner.Name, Code: "drift", Param: param}
	if row == nil {
		c.Message = problem.Clip(owner.Name) + " was deleted in the console since the last apply. Remove it from the " +
			"files, or apply with --on-drift revert (on_drift in the API) to create it again."
		return c
	}
	c.Fields = configdoc.Compare(owner.Base().Node, row.body.Node)
	c.Message = problem.Clip(owner.Name) + " was changed in the console since the last apply. Pull the change into the " +
		"files, or apply with --on-drift revert (on_drift in the API) to undo it."
	return c
}
