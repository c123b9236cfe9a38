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
	"tollgate/models/configdoc"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/signin"
	viewsignin "tollgate/views/signin"
	"tollgate/views/ui"
)

const signInHref = "/settings/sign-in"

func providerHref(id int64) string { return signInHref + "/" + strconv.FormatInt(id, 10) }

// ListIdentityProviders answers a page of identity providers.
func (h *Handlers) ListIdentityProviders(c *gin.Context) error {
	q := intake.ReadQuery(c, "limit", "offset", "search")
	limit, offset := q.Page()
	wanted := database.CatalogueQuery{Limit: limit, Offset: offset, Search: q.Search()}
	if err := q.Err(); err != nil {
		return err
	}
	providers, total, err := identityprovider.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "identity_providers", providers, total, wanted)
	}
	if behindEnd(c, q, limit, offset, len(providers), total) {
		return nil
	}
	page, err := h.providersPage(c, viewsignin.List{
		Providers: providers, Search: wanted.Search, Kept: kept(q, "search"),
		Pager: pager(q, limit, offset, int64(len(providers)), total, "providers"),
	})
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) providersPage(c *gin.Context, list viewsignin.List) (templ.Component, error) {
	enforced, err := identity.Enforced(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	page := h.settingsFrame(c, "Sign-in", signInHref)
	page.Rows = len(list.Providers) > 0
	list.Now, list.Enforced = time.Now(), enforced
	list.MayUpdate = reqctx.Actor(c).May(permission.UpdateSettings)
	if list.MayUpdate {
		page.Actions = ui.NewButton("New provider", signInHref+"/new")
	}
	return framed(page, viewsignin.ListBody(list)), nil
}

func (h *Handlers) identityProvider(c *gin.Context) (identityprovider.Provider, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return identityprovider.Provider{}, err
	}
	return identityprovider.Get(reqctx.Of(c), h.DB, id)
}

// NewIdentityProvider shows an empty form.
func (h *Handlers) NewIdentityProvider(c *gin.Context) error {
	page, err := h.identityProviderForm(c, identityprovider.Provider{}, identityprovider.NewInput(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// CreateIdentityProvider adds an identity provider.
func (h *Handlers) CreateIdentityProvider(c *gin.Context) error {
	in, err := intake.DecodeWhole[identityprovider.Input](c)
	if err == nil {
		var p identityprovider.Provider
		p, err = identityprovider.Create(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), in, h.SignIns.Check)
		if err == nil {
			return savedProvider(c, http.StatusCreated, p, p.Name+" was added. Enter the addresses below at the provider.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.identityProviderForm(c, identityprovider.Provider{}, in, problems)
	})
}

func savedProvider(c *gin.Context, status int, p identityprovider.Provider, said string) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, providerHref(p.ID), said)
	}
	if status == http.StatusCreated {
		c.Header("Location", "/api/identity-providers/"+strconv.FormatInt(p.ID, 10))
	}
	reply.JSON(c, status, gin.H{"identity_provider": p})
	return nil
}

// refusedShown is how many refused sign-ins the page of a provider shows.
const refusedShown = 20

// ShowIdentityProvider answers one provider; its page has its addresses, its rules and what was refused.
func (h *Handlers) ShowIdentityProvider(c *gin.Context) error {
	p, err := h.identityProvider(c)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"identity_provider": p})
		return nil
	}
	shown := viewsignin.Read{
		Provider: p, Callback: h.SignIns.Callback(p.Slug), Backchannel: h.SignIns.Backchannel(p.Slug), Now: time.Now(),
		MayUpdate: reqctx.Actor(c).May(permission.UpdateSettings),
	}
	_, shown.SecretReads = p.Secret(h.Keys)
	if shown.Roles, err = identity.RoleChoices(reqctx.Of(c), h.DB); err != nil {
		return err
	}
	if shown.Refused, err = signin.Refusals(reqctx.Of(c), h.DB, p.ID, refusedShown); err != nil {
		return err
	}
	page := h.settingsFrame(c, p.Name, signInHref)
	page.Heading, page.Tabs = p.Name, nil
	page.Crumbs = []ui.Crumb{{Label: "Settings", Href: "/settings"}, {Label: "Sign-in", Href: signInHref}}
	page.Actions = viewsignin.Actions(p, shown.MayUpdate)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, viewsignin.ReadBody(shown)))
	return nil
}

// EditIdentityProvider shows the form of a provider as it stands.
func (h *Handlers) EditIdentityProvider(c *gin.Context) error {
	p, err := h.identityProvider(c)
	if err != nil {
		return err
	}
	page, err := h.identityProviderForm(c, p, p.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateIdentityProvider changes the fields sent.
func (h *Handlers) UpdateIdentityProvider(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.DecodeWhole[identityprovider.Input](c)
	if err == nil {
		var p identityprovider.Provider
		p, err = identityprovider.Update(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), id, in, h.SignIns.Check)
		if err == nil {
			return savedProvider(c, http.StatusOK, p, p.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		p, err := identityprovider.Get(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.identityProviderForm(c, p, in, problems)
	})
}

// identityProviderForm is the form of a new provider, or of the one given.
func (h *Handlers) identityProviderForm(
	c *gin.Context, p identityprovider.Provider, in identityprovider.Input, problems problem.Problems,
) (templ.Component, error) {
	roles, err := identity.RoleChoices(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	connections, err := connection.Names(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	notice, err := h.meanwhile(c, editedProvider(p, "/edit"), &in.Version, problems)
	if err != nil {
		return nil, err
	}
	page := h.providerFrame(c, p, "New identity provider")
	if p.ID != 0 {
		page = h.providerFrame(c, p, "Edit "+p.Name)
		if err := h.managed(c, &page, configdoc.IdentityProvider, p.Slug); err != nil {
			return nil, err
		}
	}
	reply.MarkProblems(&page, problems)
	form := viewsignin.FormBody(viewsignin.Form{
		Provider: p, Input: in, Problems: problems, Roles: roles, Actor: reqctx.Actor(c),
		Callback: h.SignIns.Callback("short-name"), Connections: connections,
	})
	return framed(page, reply.Within(form, notice)), nil
}

// editedProvider is a provider as one of its forms edits it.
func editedProvider(p identityprovider.Provider, form string) edited {
	return edited{"identity_provider", strconv.FormatInt(p.ID, 10), p.Name, providerHref(p.ID) + form, p.UpdatedAt}
}

// providerFrame is the frame of a page below a provider, or below the list.
func (h *Handlers) providerFrame(c *gin.Context, p identityprovider.Provider, title string) ui.Page {
	page := h.page(c, title, "/settings")
	page.Crumbs = []ui.Crumb{{Label: "Settings", Href: "/settings"}, {Label: "Sign-in", Href: signInHref}}
	if p.ID != 0 {
		page.Crumbs = append(page.Crumbs, ui.Crumb{Label: p.Name, Href: providerHref(p.ID)})
	}
	return page
}

// ConfirmDeleteIdentityProvider asks before a provider is deleted.
func (h *Handlers) ConfirmDeleteIdentityProvider(c *gin.Context) error {
	return h.ask(c, h.identityProviderDeletion)
}

func (h *Handlers) identityProviderDeletion(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	p, err := h.identityProvider(c)
	if err != nil {
		return nil, err
	}
	lost, err := h.lostWays(c, p)
	if err != nil {
		return nil, err
	}
	page := h.providerFrame(c, p, "Delete "+p.Name+"?")
	confirm := ui.Confirm{
		Action: providerHref(p.ID) + "/delete", Verb: "Delete " + p.Name, Cancel: providerHref(p.ID),
		Effects: viewsignin.Deletion(p, lost),
	}
	if len(problems) > 0 {
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
		confirm.Effects, confirm.Blocked = nil, problems[0].Message
	}
	return framed(page, ui.ConfirmBody(confirm)), nil
}

// DeleteIdentityProvider removes a provider; no user signs in by it any more.
func (h *Handlers) DeleteIdentityProvider(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	p, err := identityprovider.Delete(reqctx.Of(c), h.DB, reqctx.Actor(c), id)
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.identityProviderDeletion(c, problems)
		})
	}
	return deleted(c, p.Name, signInHref)
}
