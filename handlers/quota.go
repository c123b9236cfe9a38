package handlers

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models/assignment"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/report"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

// QuotaPage asks the holder of a key for it.
func (h *Handlers) QuotaPage(c *gin.Context) error {
	h.html(c, http.StatusOK, h.quotaForm(c, nil))
	return nil
}

// quotaKey is what the holder of a key sends to see what is left.
type quotaKey struct {
	input.Row
	Key input.Value `json:"virtual_key"`
}

// ShowQuotaPage shows what the holder of a key may still spend. The key is in the body alone, and stays nowhere.
func (h *Handlers) ShowQuotaPage(c *gin.Context) error {
	in, err := decode[quotaKey](c)
	if err != nil {
		return err
	}
	_, key, err := virtualkey.User(ctx(c), h.DB, h.Keys, in.Key.Text)
	if err != nil {
		refusal, ok := problem.AsRefusal(err)
		if !ok {
			return err
		}
		problems := problem.Problems{{
			Field: "virtual_key", Code: refusal.Problems[0].Code,
			Message: "Enter a valid virtual key; this one is unknown, expired or deleted.",
		}}
		h.html(c, http.StatusUnauthorized, h.quotaForm(c, problems))
		return nil
	}
	copies, err := assignment.List(ctx(c), h.DB, key.UserID)
	if err != nil {
		return err
	}
	unpriced, err := report.UnpricedEvents(ctx(c), h.DB, key.UserID)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	page := ui.Page{Title: "What is left", Section: "wide"}
	h.html(c, http.StatusOK, within(ui.Bare(page), views.QuotaBody(key, copies, unpriced, time.Now())))
	return nil
}

func (h *Handlers) quotaForm(c *gin.Context, problems problem.Problems) templ.Component {
	c.Header("Cache-Control", "no-store")
	page := ui.Page{Title: "What is left?", Intro: "See what you may still spend with a virtual key."}
	markProblems(&page, problems)
	return within(ui.Bare(page), views.QuotaForm(problems))
}
