package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"tollgate/models/configdoc"
	"tollgate/models/problem"
)

// compareAll finds out what each document changes.
func (r *run) compareAll() {
	r.steps, r.deletions, r.released, r.unmanaged, r.conflicts, r.problems = nil, nil, nil, nil, nil, nil
	known := r.known()
	taken := map[configdoc.ID]bool{}
	for _, w := range r.wanted {
		if r.state.managed[w.ID] { // known refuses it
			continue
		}
		s := step{Wanted: w, old: r.state.rows[w.ID]}
		if s.old != nil && taken[s.old.ID] {
			r.refuse(w.NameField(), "rename_conflict",
				"Apply twice: another document renames "+problem.Clip(s.old.Name)+" first.")
			continue
		}
		r.rename(&s, taken)
		if _, builtIn := r.state.system[w.Key]; builtIn && w.Kind == configdoc.Role {
			r.refuse(w.NameField(), "system_role", w.Name+" is a built-in role, which no document describes.")
		}
		s.resolve(r, known)
		body, err := configdoc.CanonicalOf(w.Kind, w.Protected, s.Resource)
		if err != nil {
			r.refuse(w.At, "internal", err.Error())
			continue
		}
		s.Body = body
		taken[w.ID] = true
		if s.old != nil {
			taken[s.old.ID] = true
		}
		r.settle(&s)
		r.steps = append(r.steps, s)
	}
	slices.SortStableFunc(r.steps, func(a, b step) int {
		return slices.Index(configdoc.Kinds, a.Kind) - slices.Index(configdoc.Kinds, b.Kind)
	})
	r.findDeletions(taken)
}

func (r *run) refuse(field, code, message string) {
	r.problems = append(r.problems, problem.Problem{Field: field, Code: code, Message: message})
}

// known are the names that documents can refer to: those of the console and those of the documents.
func (r *run) known() map[configdoc.ID]string {
	known := make(map[configdoc.ID]string, len(r.state.names)+len(r.wanted))
	for id, name := range r.state.names {
		known[id] = name
	}
	for _, w := range r.wanted {
		known[w.ID] = w.Name
		if r.state.managed[w.ID] {
			r.refuse(w.NameField(), "managed", "Leave out "+problem.Clip(w.Name)+": this user belongs to a directory, which "+
				"keeps name, address and role. The next apply without the document leaves the user alone.")
		}
	}
	return known
}

// rename finds the resource that had another name.
func (r *run) rename(s *step, taken map[configdoc.ID]bool) {
	if s.Former == "" {
		return
	}
	was := configdoc.IDOf(s.Kind, s.Former)
	row, there := r.state.rows[was]
	switch {
	case was == s.ID || !there:
	case s.old != nil:
		r.refuse(configdoc.Below(s.At, "renamed_from"), "rename_conflict",
			"Remove renamed_from: there is "+problem.Clip(s.Name)+" already, and "+problem.Clip(row.Name)+" too. "+
				"To swap two names, apply twice, by way of a third name.")
	case taken[was]:
		r.refuse(configdoc.Below(s.At, "renamed_from"), "rename_conflict",
			"Name another resource: "+problem.Clip(row.Name)+" is described or renamed by another document.")
	default:
		s.old = row
	}
}

// resolve looks up what a document names, and writes names as their resources have them.
func (s *step) resolve(r *run, known map[configdoc.ID]string) {
	for _, ref := range s.Refs {
		if _, there := known[configdoc.IDOf(ref.Kind, ref.Name)]; !there && ref.Name != "" {
			r.refuse(configdoc.Below(s.At, ref.Path), configdoc.Unknown[ref.Kind].Code, "Choose "+configdoc.Unknown[ref.Kind].What+
				" that exists or is in the files; there is no "+problem.Clip(ref.Name)+".")
		}
	}
	s.Wanted.Resolve(known)
}

// findDeletions lists what the set owns and no document names.
func (r *run) findDeletions(taken map[configdoc.ID]bool) {
	for _, id := range r.state.order {
		row := r.state.rows[id]
		if row.owner == nil || row.owner.SetName != r.Set || taken[id] {
			continue
		}
		if r.Release {
			r.released = append(r.released, row)
			continue
		}
		if !r.Prune || row.owner.Protected() {
			r.unmanaged = append(r.unmanaged, Unmanaged{row.Kind, row.Name, row.owner.Protected()})
			continue
		}
		r.deletions = append(r.deletions, row)
		if r.state.drift(row.owner, row) != "" && !r.Revert {
			r.conflicts = append(r.conflicts, drifted(row.owner, row, ""))
		}
	}
	slices.Reverse(r.deletions)
	if n := int64(len(r.deletions)); n > r.MaxDeletes {
		r.conflicts = append(r.conflicts, Conflict{
			Code: "too_many_deletes", Param: "max_deletes", Message: "Raise max_deletes: " + count(n) + " would be deleted.",
		})
	}
}

// fingerprint covers the options and what changes.
func (r *run) fingerprint() string {
	sum := sha256.New()
	encoder := json.NewEncoder(sum)
	_ = encoder.Encode(r.options)
	for _, s := range r.steps {
		before := ""
		if s.old != nil {
			before = s.old.body.Text
		}
		if s.changes() {
			_ = encoder.Encode([]string{before, s.Body.Text})
		}
	}
	for _, c := range slices.Concat(r.released, r.deletions) {
		_ = encoder.Encode([]string{c.body.Text, ""})
	}
	return hex.EncodeToString(sum.Sum(nil))
}
