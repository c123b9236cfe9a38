package handlers

import (
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/audit"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/views/history"
)

// edited is the row that a form edits: what the audit log calls it, where its form is, and when it was changed last.
type edited struct {
	resource, id, name, form string
	changed                  time.Time
}

// meanwhile says in a form that was refused because its row was saved since it was opened, who did that and what it
// changed.
func (h *Handlers) meanwhile(
	c *gin.Context, of edited, version *input.Value, problems problem.Problems,
) (templ.Component, error) {
	sent := *version
	if !renewVersion(version, input.Version(of.changed), problems) {
		return templ.NopComponent, nil
	}
	var rows []audit.Entry
	if opened, err := input.Edited(sent); err == nil { // else it was not made here
		if rows, err = audit.Since(reqctx.Of(c), h.DB, of.resource, of.id, opened); err != nil {
			return nil, err
		}
	}
	return history.SavedMeanwhile(history.NewMeanwhile(
		rows, map[string]string{of.id: of.name}, reqctx.Actor(c).Name, of.form, time.Now(),
	)), nil
}

// renewVersion gives a form the version that stands now when it was refused for the one that it sent, so that the next
// save overwrites that knowingly. It reports whether the form is known to be behind, which one without a version that
// can be read is not.
func renewVersion(version *input.Value, now input.Value, problems problem.Problems) (behind bool) {
	behind = slices.ContainsFunc(problems, func(p problem.Problem) bool { return p.Code == "version_mismatch" })
	if behind || len(problems.At("version")) > 0 {
		*version = now
	}
	return behind
}

// numbered is a version that counts the changes of a row, as its forms send it back.
func numbered(version int64) input.Value { return input.FormValue(strconv.FormatInt(version, 10)) }

// sentVersion reads such a version, which a form has to send.
func sentVersion(sent input.Value) (*int64, error) {
	if !sent.Given() {
		return nil, intake.Unreadable("version", "required", "Send the version that was edited.")
	}
	version, err := strconv.ParseInt(sent.Text, 10, 64)
	if err != nil || !intake.IsRowID(sent.Text) {
		return nil, intake.Unreadable("version", "wrong_type", "Send the version that was edited as a whole number.")
	}
	return &version, nil
}
