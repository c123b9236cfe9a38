package views

import (
	"slices"

	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/ui"
)

// Matrix is a choice of permissions, resource by resource. Only permissions that the actor has can be ticked;
// permissions given before stay.
type Matrix struct {
	Name, Legend, Hint, Error string
	Held, Had                 []permission.Permission
	Ticked                    input.List[input.Value]
}

// cell is one tick box of a matrix. One that is kept is sent in any case.
type cell struct {
	permission          permission.Permission
	id, label           string
	held, kept, checked bool
}

// row makes the boxes of a resource; the first one that can be ticked has the id that problems lead to.
func (m Matrix) row(resource string) []cell {
	cells := make([]cell, len(permission.Operations))
	for i, operation := range permission.Operations {
		p := permission.Permission(resource + ":" + operation)
		cells[i] = cell{
			permission: p, id: m.Name + "-" + resource + "-" + operation, label: permission.Labels[resource] + ": " + operation,
			held: slices.Contains(m.Held, p), kept: slices.Contains(m.Had, p), checked: m.ticked(p),
		}
		if p == m.first() {
			cells[i].id = m.Name
		}
	}
	return cells
}

func (m Matrix) first() permission.Permission {
	for _, p := range permission.AllPermissions() {
		if slices.Contains(m.Held, p) {
			return p
		}
	}
	return ""
}

func (m Matrix) ticked(p permission.Permission) bool {
	return slices.ContainsFunc(m.Ticked.Items, func(v input.Value) bool { return v.Text == string(p) })
}

// matrixLinks is the summary of a form with a matrix of that name.
func matrixLinks(problems problem.Problems, name string) []ui.ProblemLink {
	return ui.ListLinks(ui.ProblemLinks(problems), problems, name)
}
