package handlers

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/permission"
	"tollgate/models/session"
	"tollgate/views/ui"
)

// sections is the rail: every screen there is, and who sees it.
var sections = []struct {
	ui.NavItem
	permission permission.Permission
}{
	{ui.NavItem{Label: "Profiles", Href: "/access-profiles", Icon: "profiles", Key: "g p"}, permission.ViewAccessProfiles},
	{ui.NavItem{Label: "Users", Href: "/users", Icon: "users", Key: "g u"}, permission.ViewUsers},
	{ui.NavItem{Label: "Roles", Href: "/roles", Icon: "roles", Key: "g r"}, permission.ViewRoles},
	{ui.NavItem{Label: "Keys", Href: "/virtual-keys", Icon: "keys", Key: "g k"}, permission.ViewVirtualKeys},
	{ui.NavItem{Label: "Requests", Href: "/access-requests", Icon: "requests", Key: "g q"}, permission.ViewAccessRequests},
	{ui.NavItem{Label: "Providers", Href: "/providers", Icon: "providers", Key: "g m", Group: 1}, permission.ViewProviders},
	{ui.NavItem{Label: "MCP servers", Href: "/mcp/clients", Icon: "servers", Key: "g v", Group: 1}, permission.ViewMCPServers},
	{
		ui.NavItem{Label: "Tool groups", Href: "/mcp/tool-groups", Icon: "tools", Key: "g t", Group: 1}, permission.ViewToolGroups,
	},
	{ui.NavItem{Label: "Usage", Href: "/usage", Icon: "usage", Key: "g c", Group: 2}, permission.ViewUsage},
	{ui.NavItem{Label: "Refusals", Href: "/refusals", Icon: "refused", Key: "g f", Group: 2}, permission.ViewUsage},
	{ui.NavItem{Label: "Audit", Href: "/audit", Icon: "audit", Key: "g a", Group: 2}, permission.ViewAuditLogs},
	{ui.NavItem{Label: "Settings", Href: "/settings", Icon: "settings", Key: "g s", Group: 2}, permission.ViewSettings},
}

// page prepares the frame of a screen: title, rail, user, and the sentence left by the form before. Current is the
// rail's href.
func (h *Handlers) page(c *gin.Context, title, current string) ui.Page {
	page := ui.Page{Title: title}
	if at, replica := readAsOf(c); replica {
		page.AsOf = &at
	}
	if until, on := h.Cache.GraceUntil(); on {
		page.Away = "The database is away. Until " + until.UTC().Format("15:04:05") + " UTC at most, calls are " +
			"allowed from memory " +
			"where profiles say so. What is revoked at another console meanwhile is unknown here."
	}
	if user, ok := reqctx.User(c); ok {
		actor := reqctx.Actor(c)
		page.User = &ui.Viewer{
			ID: user.ID, Name: user.Name, Email: user.Email, Role: user.Role, Console: !actor.None(),
			Session: session.Idle, SessionLeft: user.SessionLeft, SessionMost: session.Most,
		}
		if at := user.BrokenGlass; at != nil && time.Since(*at) < alarmLasts && actor.May(permission.UpdateSettings) {
			page.Alarm = "A break-glass admin signed in at " + ui.Moment(*at) + ". The audit log says who."
		}
		if actor.None() {
			page.Nav = []ui.NavItem{{Label: "My access", Href: meHref, Icon: "user", Current: current == meHref}}
		}
		for _, section := range sections {
			if actor.May(section.permission) {
				item := section.NavItem
				item.Current = item.Href == current
				if item.Href == requestsHref {
					item.Count = user.OpenRequests
				}
				page.Nav = append(page.Nav, item)
			}
		}
	}
	page.Flash = takeFlash(c)
	return page
}

// alarmLasts is how long pages say that a break-glass admin signed in.
const alarmLasts = 24 * time.Hour

// framed puts a body into the console's frame, or into the bare one for users who are not signed in.
func framed(page ui.Page, body templ.Component) templ.Component {
	if page.User == nil {
		return reply.Within(ui.Bare(page), body)
	}
	return reply.Within(ui.Layout(page), body)
}

const flashCookie = "flash"

// setFlash leaves a sentence for the next page.
func setFlash(c *gin.Context, text string) {
	if text == "" {
		return
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(text)), Path: "/", MaxAge: 60, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

func takeFlash(c *gin.Context) string {
	cookie, err := c.Request.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(text) > 500 {
		return ""
	}
	return string(text)
}
