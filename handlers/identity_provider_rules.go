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

// rulesForm is what the form of rules sends beside them.
type rulesForm struct {
	identityprovider.RulesInput
	Op input.Value `form:"op"`
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
	page := h.providerFrame(c, p, "Roles by group at "+p.Name)
	reply.MarkProblems(&page, problems)
	return framed(page, viewsignin.RulesBody(viewsignin.Rules{
		Provider: p, Input: in, Problems: problems, Roles: roles, Actor: reqctx.Actor(c),
	})), nil
}

// SetRules replaces the rules of a provider. The buttons of the form add, move and remove rows and store nothing.
func (h *Handlers) SetRules(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[rulesForm](c)
	if !reqctx.IsAPI(c) {
		in.RulesInput = in.Whole()
	}
	show := func(problems problem.Problems) (templ.Component, error) {
		p, err := identityprovider.Get(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.rulesForm(c, p, in.RulesInput, problems)
	}
	if op := in.Op.Text; err == nil && op != "" && op != "save" {
		in.Rules.Items, _ = editedRows(in.Rules.Items, op, func(r identityprovider.RuleInput) string { return r.Key },
			func(row input.Row) identityprovider.RuleInput { return identityprovider.RuleInput{Row: row} })
		page, err := show(nil)
		if err != nil {
			return err
		}
		reply.HTML(c, h.Log, http.StatusOK, page)
		return nil
	}
	if err == nil {
		var p identityprovider.Provider
		if p, err = identityprovider.SetRules(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in.RulesInput); err == nil {
			return savedProvider(c, http.StatusOK, p, "The rules were saved. They apply from the next sign-in on.")
		}
	}
	return h.refuse(c, err, show)
}
