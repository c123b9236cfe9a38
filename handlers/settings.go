package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/schema"
	"tollgate/models/session"
	"tollgate/models/setting"
	"tollgate/views"
	"tollgate/views/ui"
)

// Settings shows how one signs in, and what is running here.
func (h *Handlers) Settings(c *gin.Context) error {
	page, err := h.settingsPage(c, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// ChangePassword changes the password of the signed-in user, and signs them out everywhere else.
func (h *Handlers) ChangePassword(c *gin.Context) error {
	return h.changePassword(c, "/settings", func(problems problem.Problems) (templ.Component, error) {
		return h.settingsPage(c, problems)
	})
}

// changePassword leads back to the page that the form is on.
func (h *Handlers) changePassword(c *gin.Context, back string, show refusedPage) error {
	in, err := intake.Decode[session.PasswordInput](c)
	if err == nil {
		var token string
		user, _ := reqctx.User(c)
		if token, err = session.ChangePassword(reqctx.Of(c), h.DB, &h.Passwords, c.ClientIP(), user, in); err == nil {
			h.setSession(c, token)
			return seeOther(c, back, "Your password was changed. Every other session of yours was ended.")
		}
	}
	return h.refuse(c, err, show)
}

func (h *Handlers) settingsPage(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	gateway, err := setting.GatewayAddress(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	return h.settingsWith(c, problems, gateway)
}

// settingsWith is the page of settings with an address of the gateway, as it is set or was typed.
func (h *Handlers) settingsWith(
	c *gin.Context, problems problem.Problems, gateway string,
) (templ.Component, error) {
	user, _ := reqctx.User(c)
	state, err := schema.Read(reqctx.Of(c), h.DB)
	healthy := err == nil && state.Pending == 0 && !state.Newer
	page := h.settingsFrame(c, "Settings", "/settings")
	reply.MarkProblems(&page, problems)
	return framed(page, views.SettingsBody(views.Settings{
		Email: user.Email, Role: user.Role, Problems: problems,
		Version: h.About.Version, Database: h.About.Database, Warnings: h.About.Warnings, Healthy: healthy,
		RefusalDays: h.Refusals.KeptDays(), Keep: h.About.Keep, Gateway: gateway,
		MaySet: reqctx.Actor(c).May(permission.UpdateSettings),
	})), nil
}

// settingsFrame is the frame of the pages below Settings; current is the tab's path.
func (h *Handlers) settingsFrame(c *gin.Context, title, current string) ui.Page {
	page := h.page(c, title, "/settings")
	page.Heading = "Settings"
	page.Tabs = []ui.Tab{{Label: "Sign-in and about", Href: "/settings"}}
	if reqctx.Actor(c).May(permission.ViewSettings) {
		page.Tabs = append(page.Tabs, ui.Tab{Label: "Identity providers", Href: signInHref})
	}
	if reqctx.Actor(c).May(permission.ViewAPIKeys) {
		page.Tabs = append(page.Tabs, ui.Tab{Label: "API keys", Href: "/settings/api-keys"})
	}
	if reqctx.Actor(c).May(permission.ViewSettings) {
		page.Tabs = append(page.Tabs, ui.Tab{Label: "Provisioning", Href: connectionsHref})
	}
	page.Tabs = append(page.Tabs, ui.Tab{Label: "Configuration files", Href: configurationHref})
	for i := range page.Tabs {
		page.Tabs[i].Current = page.Tabs[i].Href == current
	}
	return page
}
