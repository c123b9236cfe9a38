package handlers

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/propagation"
	"tollgate/models/secret"
	"tollgate/views/history"
	"tollgate/views/ui"
)

// previewForm is what asks for a preview, or by its button leads back from one.
type previewForm struct {
	propagationForm
	Op input.Value `form:"op"`
}

// NewPropagation asks which fields go to whom.
func (h *Handlers) NewPropagation(c *gin.Context) error {
	return h.showPropagationForm(c, propagation.Input{})
}

func (h *Handlers) showPropagationForm(c *gin.Context, in propagation.Input) error {
	page, err := h.propagationPage(c, in, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// PreviewPropagation shows, copy by copy, what a propagation would do. The form posts, since it may name many users;
// links have the few fields that they need in the query.
func (h *Handlers) PreviewPropagation(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	decode := intake.DecodeQuery[previewForm]
	if c.Request.Method == http.MethodPost {
		decode = intake.Decode[previewForm]
	}
	form, err := decode(c)
	in := form.Input.Whole()
	if err == nil && form.Op.Given() {
		if form.Op.Text == "back" {
			return h.showPropagationForm(c, in)
		}
		err = intake.Unreadable("op", "invalid_op", "Use one of the form's buttons.")
	}
	if err == nil {
		var plan propagation.Plan
		if plan, err = propagation.MakePlan(reqctx.Of(c), h.DB, id, nil, in); err == nil {
			return h.previewPage(c, plan, in)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.propagationPage(c, in, problems)
	})
}

func (h *Handlers) propagationPage(
	c *gin.Context, in propagation.Input, problems problem.Problems,
) (templ.Component, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return nil, err
	}
	profile, err := h.currentProfile(c, id)
	if err != nil {
		return nil, err
	}
	holders, err := propagation.HoldersByRole(reqctx.Of(c), h.DB, id)
	if err != nil {
		return nil, err
	}
	last, err := propagation.Last(reqctx.Of(c), h.DB, id)
	if err != nil {
		return nil, err
	}
	_, behind, err := assignment.ListHolders(reqctx.Of(c), h.DB, assignment.HolderQuery{
		CatalogueQuery: database.CatalogueQuery{Limit: 1}, ProfileID: id, Behind: true,
	})
	if err != nil {
		return nil, err
	}
	page := h.profilePage(c, profile, "Propagate "+profile.Name)
	reply.MarkProblems(&page, problems)
	form := history.PropagationForm{
		Profile: profile, Roles: holders, Behind: behind, Input: in, Problems: problems, Now: time.Now(),
	}
	if last != nil {
		form.Last, form.LastHref = last, propagationHref(*last)
	}
	return framed(page, history.PropagationFormBody(form)), nil
}

func (h *Handlers) previewPage(c *gin.Context, plan propagation.Plan, in propagation.Input) error {
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	page := h.profilePage(c, plan.Profile, "Preview: propagate "+plan.Profile.Name)
	page.Crumbs = append(page.Crumbs, ui.Crumb{Label: "Propagate", Href: page.Crumbs[1].Href + "/propagate"})
	shown := history.PreviewOf(plan, in, offered, reqctx.Actor(c).May(permission.ViewUsers))
	shown.Token, _ = secret.NewToken()
	reply.HTML(c, h.Log, http.StatusOK, framed(page, history.PreviewBody(shown)))
	return nil
}
