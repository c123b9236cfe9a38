package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/problem"
	viewsignin "tollgate/views/signin"
)

// rulesForm is what the form of rules sends beside them: which button, and whether the effects have been seen.
type rulesForm struct {
	identityprovider.RulesInput
	Op        input.Value `form:"op"`
	Confirmed input.Value `form:"confirmed"`
}

// Whole completes the rules of a form.
func (f rulesForm) Whole() rulesForm {
	f.RulesInput = f.RulesInput.Whole()
	return f
}

// EditRules shows the rules of a provider.
func (h *Handlers) EditRules(c *gin.Context) error {
	p, err := h.identityProvider(c)
	if err != nil {
		return err
	}
	page, err := h.rulesForm(c, p, p.RulesInput(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) rulesForm(
	c *gin.Context, p identityprovider.Provider, in identityprovider.RulesInput, problems problem.Problems,
) (templ.Component, error) {
	roles, err := identity.RoleChoices(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	notice, err := h.meanwhile(c, editedProvider(p, "/rules"), &in.Version, problems)
	if err != nil {
		return nil, err
	}
	page := h.providerFrame(c, p, "Roles by group at "+p.Name)
	reply.MarkProblems(&page, problems)
	form := viewsignin.RulesBody(viewsignin.Rules{
		Provider: p, Input: in, Problems: problems, Roles: roles, Actor: reqctx.Actor(c),
	})
	return framed(page, reply.Within(form, notice)), nil
}

// SetRules replaces the rules of a provider. In the console its buttons change rows first, and what the rules would do
// is shown before they are stored.
func (h *Handlers) SetRules(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.DecodeWhole[rulesForm](c)
	show := func(problems problem.Problems) (templ.Component, error) {
		p, err := identityprovider.Get(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.rulesForm(c, p, in.RulesInput, problems)
	}
	if err != nil {
		return h.refuse(c, err, show)
	}
	if reqctx.IsAPI(c) {
		return h.setProviderRules(c, id, in.RulesInput)
	}
	if changed, ok := in.edited(); ok {
		in = changed
		page, err := show(nil)
		if err != nil {
			return err
		}
		reply.HTML(c, h.Log, http.StatusOK, page)
		return nil
	}
	if !in.Confirmed.Given() {
		err = h.confirmProviderRules(c, id, in.RulesInput)
	} else {
		err = h.setProviderRules(c, id, in.RulesInput)
	}
	if err != nil {
		return h.refuse(c, err, show)
	}
	return nil
}

// edited does what a button of a row says; ok is false for the buttons that store.
func (f rulesForm) edited() (changed rulesForm, ok bool) {
	f.Rules.Items, ok = editedRows(f.Rules.Items, f.Op.Text,
		func(r identityprovider.RuleInput) string { return r.Key },
		func(row input.Row) identityprovider.RuleInput { return identityprovider.RuleInput{Row: row} })
	return f, ok
}

func (h *Handlers) setProviderRules(c *gin.Context, id int64, in identityprovider.RulesInput) error {
	p, err := identityprovider.SetRules(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in)
	if err != nil {
		return err
	}
	return savedProvider(c, http.StatusOK, p, "The rules were saved. They apply from the next sign-in on.")
}

// confirmProviderRules shows what the rules would do, with a button that stores them.
func (h *Handlers) confirmProviderRules(c *gin.Context, id int64, in identityprovider.RulesInput) error {
	moves, err := identityprovider.PreviewRules(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in)
	if err != nil {
		return err
	}
	p, err := identityprovider.Get(reqctx.Of(c), h.DB, id)
	if err != nil {
		return err
	}
	page := h.providerFrame(c, p, "Save the rules of "+p.Name+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, viewsignin.ConfirmRulesBody(p, in, moves)))
	return nil
}

// PreviewRules answers what other rules would do at the next sign-ins.
func (h *Handlers) PreviewRules(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[identityprovider.RulesInput](c)
	if err != nil {
		return err
	}
	moves, err := identityprovider.PreviewRules(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, moves)
	return nil
}
