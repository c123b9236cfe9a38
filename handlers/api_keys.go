package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/apikey"
	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views"
	"tollgate/views/ui"
)

// ListAPIKeys answers a page of API keys.
func (h *Handlers) ListAPIKeys(c *gin.Context) error {
	q := intake.ReadQuery(c, "limit", "offset", "search")
	limit, offset := q.Page()
	wanted := database.CatalogueQuery{Limit: limit, Offset: offset, Search: q.Search()}
	if err := q.Err(); err != nil {
		return err
	}
	keys, total, err := apikey.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{
			"api_keys": keys, "count": len(keys), "total_count": total, "limit": limit, "offset": offset,
		})
		return nil
	}
	if behindEnd(c, q, limit, offset, len(keys), total) {
		return nil
	}
	page := h.settingsFrame(c, "API keys", "/settings/api-keys")
	page.Rows = len(keys) > 0
	list := views.APIKeyList{
		Search: wanted.Search, Kept: kept(q, "search"), Keys: keys, Now: time.Now(),
		Pager:     pager(q, limit, offset, int64(len(keys)), total, "keys"),
		MayDelete: reqctx.Actor(c).May(permission.DeleteAPIKeys), MayCreate: reqctx.Actor(c).May(permission.CreateAPIKeys),
	}
	if list.MayCreate {
		page.Actions = ui.NewButton("New API key", "/settings/api-keys/new")
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.APIKeyListBody(list)))
	return nil
}

// ShowAPIKey answers one key, without its secret, which is not stored.
func (h *Handlers) ShowAPIKey(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	key, err := apikey.Get(reqctx.Of(c), h.DB, id)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"api_key": key})
	return nil
}

// NewAPIKey asks what a new key may do.
func (h *Handlers) NewAPIKey(c *gin.Context) error {
	reply.HTML(c, h.Log, http.StatusOK, h.apiKeyForm(c, apikey.Input{}, nil))
	return nil
}

// CreateAPIKey makes a key and answers its secret, this once.
func (h *Handlers) CreateAPIKey(c *gin.Context) error {
	in, err := intake.Decode[apikey.Input](c)
	if err == nil {
		var key apikey.Key
		var secret string
		if key, secret, err = apikey.Create(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), in); err == nil {
			return h.showAPIKey(c, key, secret)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.apiKeyForm(c, in, problems), nil
	})
}

// showAPIKey answers a key with its secret: the API this once, the console on a page that survives a reload.
func (h *Handlers) showAPIKey(c *gin.Context, key apikey.Key, secret string) error {
	if reqctx.IsAPI(c) {
		c.Header("Cache-Control", "no-store")
		c.Header("Location", "/api/api-keys/"+strconv.FormatInt(key.ID, 10))
		reply.JSON(c, http.StatusCreated, gin.H{"api_key": key, "key": secret})
		return nil
	}
	page := "/settings/api-keys/" + strconv.FormatInt(key.ID, 10) + "/value"
	return h.showSecret(c, apiKeySubject(key), secret, page, key.Name+" was made.")
}

func apiKeySubject(key apikey.Key) string { return "api_key/" + strconv.FormatInt(key.ID, 10) }

// ShowAPIKeyValue shows the secret of a key to the session that made it, for ten minutes.
func (h *Handlers) ShowAPIKeyValue(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	key, err := apikey.Get(reqctx.Of(c), h.DB, id)
	if err != nil {
		return err
	}
	secret, shown, err := h.shownSecret(c, apiKeySubject(key))
	if err != nil {
		return err
	}
	if !shown {
		return seeOther(c, "/settings/api-keys",
			"The value of "+key.Name+" cannot be shown any more. If it is lost, delete the key and make another.")
	}
	page := h.apiKeyFrame(c, "API key "+key.Name)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.APIKeySecretBody(key, secret, h.BaseURL)))
	return nil
}

// UpdateAPIKey changes a key's name, scopes or end; its secret stays.
func (h *Handlers) UpdateAPIKey(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[apikey.Input](c)
	if err != nil {
		return err
	}
	key, err := apikey.Update(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"api_key": key})
	return nil
}

// ConfirmDeleteAPIKey asks before a key is deleted.
func (h *Handlers) ConfirmDeleteAPIKey(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	key, err := apikey.Get(reqctx.Of(c), h.DB, id)
	if err != nil {
		return err
	}
	page := h.apiKeyFrame(c, "Delete "+key.Name+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, ui.ConfirmBody(ui.Confirm{
		Action: "/settings/api-keys/" + strconv.FormatInt(id, 10) + "/delete", Verb: "Delete " + key.Name,
		Cancel:  "/settings/api-keys",
		Effects: views.APIKeyDeletion(key, time.Now()),
	})))
	return nil
}

// DeleteAPIKey ends a key at once.
func (h *Handlers) DeleteAPIKey(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	key, err := apikey.Delete(reqctx.Of(c), h.DB, reqctx.Actor(c), id)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"message": "API key deleted."})
		return nil
	}
	return seeOther(c, "/settings/api-keys", key.Name+" was deleted. It no longer works.")
}

func (h *Handlers) apiKeyForm(c *gin.Context, in apikey.Input, problems problem.Problems) templ.Component {
	page := h.apiKeyFrame(c, "New API key")
	reply.MarkProblems(&page, problems)
	return framed(page, views.APIKeyFormBody(views.APIKeyForm{
		Input: in, Problems: problems, Held: reqctx.Actor(c).Permissions,
		MayService: reqctx.Actor(c).May(permission.UpdateSettings),
	}))
}

// apiKeyFrame is the frame of a page below the list of keys.
func (h *Handlers) apiKeyFrame(c *gin.Context, title string) ui.Page {
	page := h.page(c, title, "/settings")
	page.Crumbs = []ui.Crumb{{Label: "Settings", Href: "/settings"}, {Label: "API keys", Href: "/settings/api-keys"}}
	return page
}
