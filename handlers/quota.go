package handlers

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models"
	"tollgate/views"
)

// QuotaPage asks the holder of a key for it.
func (h *Handlers) QuotaPage(c *gin.Context) error {
	h.html(c, http.StatusOK, h.quotaForm(c, nil))
	return nil
}

// quotaKey is what the holder of a key sends to see what is left.
type quotaKey struct {
	models.Row
	Key models.Value `json:"virtual_key"`
}

// ShowQuotaPage shows what the holder of a key may still spend. The key is in the body alone, and stays nowhere.
func (h *Handlers) ShowQuotaPage(c *gin.Context) error {
	in, err := decode[quotaKey](c)
	if err != nil {
		return err
	}
	_, key, err := models.VirtualKeyUser(ctx(c), h.DB, h.Keys, in.Key.Text)
	if err != nil {
		refusal, ok := models.AsRefusal(err)
		if !ok {
			return err
		}
		problems := models.Problems{{Field: "virtual_key", Code: refusal.Problems[0].Code, Message: "Enter a key that works; this one is unknown, expired or deleted."}}
		h.html(c, http.StatusUnauthorized, h.quotaForm(c, problems))
		return nil
	}
	copies, err := models.ListUserAccessProfiles(ctx(c), h.DB, key.UserID)
	if err != nil {
		return err
	}
	unpriced, err := models.UnpricedEvents(ctx(c), h.DB, key.UserID)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	page := views.Page{Title: "What is left", Section: "wide"}
	h.html(c, http.StatusOK, within(views.Bare(page), views.QuotaBody(key, copies, unpriced, time.Now())))
	return nil
}

func (h *Handlers) quotaForm(c *gin.Context, problems models.Problems) templ.Component {
	c.Header("Cache-Control", "no-store")
	page := views.Page{Title: "What is left?", Intro: "See what you may still spend with a virtual key."}
	markProblems(&page, problems)
	return within(views.Bare(page), views.QuotaForm(problems))
}
