package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/connection"
	"tollgate/models/permission"
	"tollgate/models/provision"
	"tollgate/views/provisioning"
	"tollgate/views/ui"
)

// connectionTabs are the pages of a connection; current is the path of one of them below it.
func connectionTabs(id int64, current string) []ui.Tab {
	tabs := []ui.Tab{
		{Label: "Connection", Href: ""},
		{Label: "Groups", Href: "/groups"},
		{Label: "Roles of groups", Href: "/rules"},
		{Label: "Calls", Href: "/requests"},
	}
	for i := range tabs {
		tabs[i].Current, tabs[i].Href = tabs[i].Href == current, connectionHref(id)+tabs[i].Href
	}
	return tabs
}

// tabFrame is the frame of one of the pages of a connection.
func (h *Handlers) tabFrame(c *gin.Context, title string, of connection.Connection, current string) ui.Page {
	page := h.connectionFrame(c, title, connection.Connection{})
	page.Heading, page.Tabs = of.Name, connectionTabs(of.ID, current)
	return page
}

// ListSCIMGroups answers a page of the groups of a connection.
func (h *Handlers) ListSCIMGroups(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	q, wanted, err := catalogueQuery(c)
	if err != nil {
		return err
	}
	rows, total, err := provision.GroupsOf(reqctx.Of(c), h.DB, of.ID, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "scim_groups", rows, total, wanted)
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(rows), total) {
		return nil
	}
	page := h.tabFrame(c, "Groups of "+of.Name, of, "/groups")
	page.Rows = len(rows) > 0
	frame := listFrame(c, q, wanted, len(rows), total, "groups", "Settings")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, provisioning.GroupsBody(of, frame, rows)))
	return nil
}

// ListSCIMRequests answers a page of the last calls of a directory.
func (h *Handlers) ListSCIMRequests(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	q := intake.ReadQuery(c, "limit", "offset", "refused")
	limit, offset := q.Page()
	refused := q.Boolean("refused")
	if err := q.Err(); err != nil {
		return err
	}
	only := refused != nil && *refused
	rows, total, err := connection.ListRequests(reqctx.Of(c), h.DB, of.ID, limit, offset, only)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{
			"scim_requests": rows, "count": len(rows), "total_count": total, "limit": limit, "offset": offset,
		})
		return nil
	}
	if behindEnd(c, q, limit, offset, len(rows), total) {
		return nil
	}
	page := h.tabFrame(c, "Calls of "+of.Name, of, "/requests")
	page.Rows = len(rows) > 0
	reply.HTML(c, h.Log, http.StatusOK, framed(page, provisioning.RequestsBody(provisioning.Requests{
		Rows: rows, Pager: pager(q, limit, offset, int64(len(rows)), total, "calls"), Now: time.Now(),
		All:     ui.Link{Label: "All", Href: q.Link("refused", "", "offset", ""), On: !only},
		Refused: ui.Link{Label: "Refused", Href: q.Link("refused", strconv.FormatBool(true), "offset", ""), On: only},
	})))
	return nil
}

// mayEditRules reports whether the actor may change which roles groups give.
func mayEditRules(c *gin.Context) bool { return reqctx.Actor(c).May(permission.UpdateSettings) }
