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
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

// ListVirtualKeys answers a page of all keys, with masked values.
func (h *Handlers) ListVirtualKeys(c *gin.Context) error {
	q, search := longQuery(c, nil, "unused", "sort")
	wanted := virtualkey.ListQuery{CatalogueQuery: search}
	list := views.KeyList{}
	if !reqctx.IsAPI(c) {
		narrowKeys(c, q, &wanted, &list)
	}
	if err := q.Err(); err != nil {
		return err
	}
	keys, total, err := virtualkey.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "virtual_keys", keys, total, search)
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(keys), total) {
		return nil
	}
	page := h.page(c, "Keys", "/virtual-keys")
	page.Rows = len(keys) > 0
	page.Intro = "What users' programs send to a gateway with each call. A key may do what its holder's profiles grant."
	actor := reqctx.Actor(c)
	list.ListFrame = listFrame(c, q, search, len(keys), total, "keys", "VirtualKeys")
	list.Keys, list.MayViewUsers = keys, actor.May(permission.ViewUsers)
	list.MayRotate, list.MayDrop = actor.May(permission.UpdateVirtualKeys), actor.May(permission.DeleteAccessProfiles)
	if len(keys) > 0 {
		last := ""
		if wanted.Sort == virtualkey.Sorts[0] {
			last = keys[len(keys)-1].ID
		}
		list.Pager = longPager(q, wanted.Limit, wanted.Offset, int64(len(keys)), total, "keys", last)
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.KeyListBody(list)))
	return nil
}

// narrowKeys reads the filter and the order of the page, of those who may see usage.
func narrowKeys(c *gin.Context, q *intake.Query, wanted *virtualkey.ListQuery, list *views.KeyList) {
	list.MayViewUsage = reqctx.Actor(c).May(permission.ViewUsage)
	wanted.Usage, wanted.Sort = list.MayViewUsage, virtualkey.Sorts[0]
	if list.MayViewUsage {
		wanted.Sort = q.Sort(virtualkey.Sorts)
		unused := q.Boolean("unused")
		wanted.Unused = unused != nil && *unused
	}
	list.Filtered = wanted.Unused || wanted.Search != ""
	list.All = ui.Link{Label: "All", Href: q.Link("unused", ""), On: !wanted.Unused}
	list.OnlyUnused = ui.Link{Label: "Unused for 30 days", Href: q.Link("unused", "true"), On: wanted.Unused}
	list.Name = sortLink(q, wanted.Sort, "name", "Name", false)
	list.Spend = sortLink(q, wanted.Sort, "spend", "Spend this month", true)
	list.Spend.Number = true
	list.LastUsed = sortLink(q, wanted.Sort, "last_used", "Last used", true)
}

// ListUserKeys answers a user's keys, with masked values.
func (h *Handlers) ListUserKeys(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	keys, err := virtualkey.ListUserKeys(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"virtual_keys": keys})
	return nil
}

// NewVirtualKey asks what a further key is called.
func (h *Handlers) NewVirtualKey(c *gin.Context) error {
	page, err := h.keyForm(c, virtualkey.Input{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// CreateVirtualKey gives a user a further key and answers its value, only this once.
func (h *Handlers) CreateVirtualKey(c *gin.Context) error {
	in, err := intake.DecodeEmpty[virtualkey.Input](c)
	if err == nil {
		var key virtualkey.Key
		if key, err = virtualkey.Create(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), c.Param("id"), in); err == nil {
			return h.showKey(c, http.StatusOK, key, key.Name+" was made.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.keyForm(c, in, problems)
	})
}

// AdoptVirtualKey gives a user a key with the value that another gateway gave out. The value is never answered.
func (h *Handlers) AdoptVirtualKey(c *gin.Context) error {
	in, err := intake.Decode[virtualkey.AdoptInput](c)
	if err != nil {
		return err
	}
	key, made, err := virtualkey.Adopt(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), c.Param("id"), in)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"virtual_key": key, "adopted": made})
	return nil
}

// showKey answers a key with its value in clear: the API this once, the console on a page that survives a reload.
func (h *Handlers) showKey(c *gin.Context, status int, key virtualkey.Key, said string) error {
	return h.showKeyAt(c, status, views.KeyHref(key), key, said)
}

// showKeyAt is the same for a key with an address of its own.
func (h *Handlers) showKeyAt(c *gin.Context, status int, href string, key virtualkey.Key, said string) error {
	if reqctx.IsAPI(c) {
		c.Header("Cache-Control", "no-store")
		reply.JSON(c, status, gin.H{"virtual_key": key})
		return nil
	}
	return h.showSecret(c, keySubject(key), key.Value, href+"/value", said)
}

func keySubject(key virtualkey.Key) string { return "virtual_key/" + key.ID }

// ShowVirtualKeyValue shows the value of a key to the session that made it, for ten minutes.
func (h *Handlers) ShowVirtualKeyValue(c *gin.Context) error {
	user, key, err := h.keyOnPage(c)
	if err != nil {
		return err
	}
	return h.showKeyValue(c, key, h.userFrame(c, user, "Key of "+user.Name), usersHref+"/"+user.ID)
}

func (h *Handlers) showKeyValue(c *gin.Context, key virtualkey.Key, page ui.Page, back string) error {
	value, shown, err := h.shownSecret(c, keySubject(key))
	if err != nil {
		return err
	}
	if !shown || !key.Has(value) {
		return seeOther(c, back, "The value of "+key.Name+" cannot be shown any more. If it is lost, rotate the key.")
	}
	key.Value = value
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.KeySecretBody(key, h.BaseURL, back)))
	return nil
}

func (h *Handlers) keyForm(c *gin.Context, in virtualkey.Input, problems problem.Problems) (templ.Component, error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "New key for "+user.Name)
	reply.MarkProblems(&page, problems)
	return framed(page, views.KeyFormBody(views.KeyForm{User: user, Input: in, Problems: problems})), nil
}

// keyOnPage loads the key that a page is about, with its user.
func (h *Handlers) keyOnPage(c *gin.Context) (identity.User, virtualkey.Key, error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return user, virtualkey.Key{}, err
	}
	key, err := virtualkey.Get(reqctx.Of(c), h.DB, user.ID, c.Param("vk_id"))
	return user, key, err
}

// ConfirmRotateVirtualKey asks how long the old value is to work.
func (h *Handlers) ConfirmRotateVirtualKey(c *gin.Context) error {
	page, err := h.rotateForm(c, virtualkey.RotateInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) rotateForm(
	c *gin.Context, in virtualkey.RotateInput, problems problem.Problems,
) (templ.Component, error) {
	user, key, err := h.keyOnPage(c)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "Rotate "+key.Name)
	reply.MarkProblems(&page, problems)
	return framed(page, views.RotateBody(views.RotateForm{Key: key, Input: in, Problems: problems})), nil
}

// RotateVirtualKey gives a key another value and answers it, this once.
func (h *Handlers) RotateVirtualKey(c *gin.Context) error {
	in, err := intake.DecodeEmpty[virtualkey.RotateInput](c)
	if err == nil && !reqctx.IsAPI(c) {
		_, _, err = h.keyOnPage(c) // the page is about one user, whose key it has to be
	}
	if err == nil {
		var key virtualkey.Key
		if key, err = virtualkey.Rotate(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), c.Param("vk_id"), in); err == nil {
			return h.showKey(c, http.StatusOK, key, views.Rotated(key))
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.rotateForm(c, in, problems)
	})
}

// ConfirmDeleteVirtualKey asks before a key is deleted.
func (h *Handlers) ConfirmDeleteVirtualKey(c *gin.Context) error {
	user, key, err := h.keyOnPage(c)
	if err != nil {
		return err
	}
	page := h.userFrame(c, user, "Delete "+key.Name+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, ui.ConfirmBody(ui.Confirm{
		Action: views.KeyHref(key) + "/delete", Verb: "Delete " + key.Name, Cancel: usersHref + "/" + user.ID,
		Effects: views.KeyDeletion(key, time.Now()),
	})))
	return nil
}

// DeleteVirtualKey ends a key at once.
func (h *Handlers) DeleteVirtualKey(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	key, err := virtualkey.Delete(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), c.Param("vk_id"))
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"message": "Virtual key deleted."})
		return nil
	}
	return seeOther(c, usersHref+"/"+key.UserID, key.Name+" was deleted. Gateways refuse it from now on.")
}

// ShowKeyCreationPolicy answers whether the caller holds a profile, without which a key could do nothing.
func (h *Handlers) ShowKeyCreationPolicy(c *gin.Context) error {
	policy := gin.H{"has_access_profile": false}
	if id := reqctx.Actor(c).UserID; id != "" {
		copies, err := assignment.List(reqctx.Of(c), h.DB, id)
		if err != nil {
			return err
		}
		if len(copies) > 0 {
			policy = gin.H{"has_access_profile": true, "profile_name": copies[0].Name}
		}
	}
	reply.JSON(c, http.StatusOK, policy)
	return nil
}
