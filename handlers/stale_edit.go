package handlers

import (
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/audit"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/views/history"
)

// edited is the row that a form edits: what the audit log calls it, where its page is, and when it was changed last.
type edited struct {
	resource, id, name, href string
	changed                  time.Time
}

// meanwhile says in a form that was refused because its row was saved since it was opened, who did that and what it
// changed. The form gets the version that stands now, so that the next save overwrites it knowingly. A form that was
// refused for another reason is left as it is.
func (h *Handlers) meanwhile(
	c *gin.Context, of edited, version *input.Value, problems problem.Problems,
) (templ.Component, error) {
	if !isStale(problems) {
		return templ.NopComponent, nil
	}
	var rows []audit.Entry
	if opened, err := input.Edited(*version); err == nil { // else it was not made here
		if rows, err = audit.Since(reqctx.Of(c), h.DB, of.resource, of.id, opened); err != nil {
			return nil, err
		}
	}
	*version = input.Version(of.changed)
	return history.SavedMeanwhile(history.NewMeanwhile(
		rows, map[string]string{of.id: of.name}, reqctx.Actor(c).Name, of.href+"/edit", time.Now(),
	)), nil
}

// isStale reports whether a form was refused because it was made from an earlier state.
func isStale(problems problem.Problems) bool {
	return slices.ContainsFunc(problems, func(p problem.Problem) bool { return p.Code == "version_mismatch" })
}
