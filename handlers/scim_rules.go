package handlers

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/views/history"
	"tollgate/views/provisioning"
)

// groupRulesForm is what the form of rules sends beside them: which button, the version that was shown, and whether the
// effects have been seen.
type groupRulesForm struct {
	provision.RulesInput
	Op        input.Value `form:"op"`
	Version   input.Value `form:"version"`
	Confirmed input.Value `form:"confirmed"`
}

// version is the version that the rules were made from, which a form has to send.
func (f groupRulesForm) version(c *gin.Context) (*int64, error) {
	if reqctx.IsAPI(c) {
		return intake.IfMatch(c)
	}
	return sentVersion(f.Version)
}

// Whole completes the rules of a form.
func (f groupRulesForm) Whole() groupRulesForm {
	f.RulesInput = f.RulesInput.Whole()
	return f
}

// ShowSCIMRules answers which roles the groups of a connection give; the page lets that be changed.
func (h *Handlers) ShowSCIMRules(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	rules, err := provision.GetRules(reqctx.Of(c), h.DB, of.ID)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeRules(c, rules)
	}
	form := groupRulesForm{RulesInput: rules.Input(), Version: numbered(rules.Version)}
	page, err := h.rulesPage(c, of, form, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func writeRules(c *gin.Context, rules provision.Rules) error {
	setETag(c, rules.Version)
	reply.JSON(c, http.StatusOK, rules)
	return nil
}

// SetSCIMRules replaces the rules of a connection. In the console its buttons change rows first, and what the rules
// would do is shown before they are stored.
func (h *Handlers) SetSCIMRules(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	form, err := intake.DecodeWhole[groupRulesForm](c)
	if err == nil {
		if reqctx.IsAPI(c) {
			return h.setRules(c, of, form)
		}
		if changed, ok := editedRules(form); ok {
			page, err := h.rulesPage(c, of, changed, nil)
			if err != nil {
				return err
			}
			reply.HTML(c, h.Log, http.StatusOK, page)
			return nil
		}
		if !form.Confirmed.Given() {
			err = h.confirmRules(c, of, form)
		} else {
			err = h.setRules(c, of, form)
		}
	}
	if err == nil {
		return nil
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.rulesPage(c, of, form, problems)
	})
}

func (h *Handlers) setRules(c *gin.Context, of connection.Connection, form groupRulesForm) error {
	version, err := form.version(c)
	if err != nil {
		return err
	}
	ctx, cancel := long(c)
	defer cancel()
	rules, err := provision.SetRules(ctx, h.DB, reqctx.Actor(c), of.ID, version, form.RulesInput)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeRules(c, rules)
	}
	return seeOther(c, connectionHref(of.ID)+"/rules", "The roles of groups were saved.")
}

// confirmRules shows what the rules would do, with a button that stores them.
func (h *Handlers) confirmRules(c *gin.Context, of connection.Connection, form groupRulesForm) error {
	if _, err := form.version(c); err != nil {
		return err
	}
	moves, err := provision.PreviewRules(reqctx.Of(c), h.DB, reqctx.Actor(c), of.ID, form.RulesInput)
	if err != nil {
		return err
	}
	page := h.connectionFrame(c, "Save the roles of groups?", of)
	body := provisioning.ConfirmRulesBody(of, form.RulesInput, form.Version, moves)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, body))
	return nil
}

// PreviewSCIMRules answers what other rules would do.
func (h *Handlers) PreviewSCIMRules(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	in, err := intake.Decode[provision.RulesInput](c)
	if err != nil {
		return err
	}
	moves, err := provision.PreviewRules(reqctx.Of(c), h.DB, reqctx.Actor(c), of.ID, in)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, moves)
	return nil
}

// editedRules does what a button of a row says; ok is false for the buttons that store.
func editedRules(form groupRulesForm) (changed groupRulesForm, ok bool) {
	form.Rules.Items, ok = editedRows(form.Rules.Items, form.Op.Text,
		func(r provision.RuleInput) string { return r.Key },
		func(row input.Row) provision.RuleInput { return provision.RuleInput{Row: row} })
	return form, ok
}

func (h *Handlers) rulesPage(
	c *gin.Context, of connection.Connection, form groupRulesForm, problems problem.Problems,
) (templ.Component, error) {
	groups, err := provision.GroupChoices(reqctx.Of(c), h.DB, of.ID)
	if err != nil {
		return nil, err
	}
	roles, err := identity.RoleChoices(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	var notice templ.Component = templ.NopComponent
	if renewVersion(&form.Version, numbered(of.Version), problems) {
		notice = history.SavedMeanwhile(history.NewMeanwhile(nil, nil, "", connectionHref(of.ID)+"/rules", time.Now()))
	}
	page := h.tabFrame(c, "Roles of groups of "+of.Name, of, "/rules")
	reply.MarkProblems(&page, problems)
	body := provisioning.RulesBody(provisioning.RulesForm{
		Connection: of, Input: form.RulesInput, Version: form.Version, Groups: groups, Roles: roles, Actor: reqctx.Actor(c),
		MayUpdate: mayEditRules(c), Problems: problems,
	})
	return framed(page, reply.Within(body, notice)), nil
}
