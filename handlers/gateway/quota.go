package gateway

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/quota"
	"tollgate/models/report"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

// QuotaPage asks the holder of a key for it.
func (g *Gateway) QuotaPage(c *gin.Context) error {
	reply.HTML(c, g.Log, http.StatusOK, g.quotaForm(c, nil))
	return nil
}

// quotaKey is what the holder of a key sends to see what is left.
type quotaKey struct {
	input.Row
	Key input.Value `json:"virtual_key"`
}

// ShowQuotaPage shows what the holder of a key may still spend. The key is in the body alone, and stays nowhere.
func (g *Gateway) ShowQuotaPage(c *gin.Context) error {
	in, err := intake.Decode[quotaKey](c)
	if err != nil {
		return err
	}
	_, key, err := virtualkey.User(reqctx.Of(c), g.DB, g.Keys, in.Key.Text)
	if err != nil {
		refusal, ok := problem.AsRefusal(err)
		if !ok {
			return err
		}
		problems := problem.Problems{{
			Field: "virtual_key", Code: refusal.Problems[0].Code,
			Message: "Enter a valid virtual key; this one is unknown, expired or deleted.",
		}}
		reply.HTML(c, g.Log, http.StatusUnauthorized, g.quotaForm(c, problems))
		return nil
	}
	copies, err := assignment.List(reqctx.Of(c), g.DB, key.UserID)
	if err != nil {
		return err
	}
	unpriced, err := report.UnpricedEvents(reqctx.Of(c), g.DB, key.UserID)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	page := ui.Page{Title: "What is left", Section: "wide"}
	reply.HTML(c, g.Log, http.StatusOK, reply.Within(ui.Bare(page), views.QuotaBody(key, copies, unpriced, time.Now())))
	return nil
}

func (g *Gateway) quotaForm(c *gin.Context, problems problem.Problems) templ.Component {
	c.Header("Cache-Control", "no-store")
	page := ui.Page{Title: "What is left?", Intro: "See what you may still spend with a virtual key."}
	reply.MarkProblems(&page, problems)
	return reply.Within(ui.Bare(page), views.QuotaForm(problems))
}

// ShowQuota answers what the user of the key of the request may still spend.
func (g *Gateway) ShowQuota(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	left, err := quota.Get(reqctx.Of(c), g.DB, reqctx.VirtualKey(c))
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	reply.JSON(c, http.StatusOK, left)
	return nil
}
