package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models/profile"
	"tollgate/views"
	"tollgate/views/ui"
)

// page is the console's list of profiles with everything it shows held in memory.
type page struct {
	frame   ui.Page
	list    views.ProfileList
	buffers sync.Pool
}

func (f *floor) loadPage(ctx context.Context) error {
	tagLink := func(tag string) string { return "/access-profiles?" + url.Values{"tags": {tag}}.Encode() }
	rows, err := f.db.Query(ctx, "SELECT document FROM floor.documents ORDER BY name_key LIMIT 25")
	if err != nil {
		return err
	}
	defer rows.Close()
	p := &f.page
	for rows.Next() {
		var shown profile.Profile
		if err := json.Unmarshal(rows.RawValues()[0], &shown); err != nil {
			return err
		}
		row := views.ProfileRowOf(shown, tagLink)
		row.Updated = ui.Ago(shown.UpdatedAt, time.Now())
		p.list.Rows = append(p.list.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var tags []string
	err = f.db.QueryRow(ctx, "SELECT ARRAY(SELECT DISTINCT t FROM access_profiles, unnest(tags) AS t ORDER BY t LIMIT 50)").Scan(&tags)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		p.list.Tags = append(p.list.Tags, ui.Link{Label: tag, Href: tagLink(tag)})
	}
	p.list.MayCreate, p.list.MayUpdate, p.list.MayDelete = true, true, true
	p.list.NewTag = ui.Field{Name: "tag", Label: "Tag to add", HideLabel: true, Width: "short"}
	p.list.States = []ui.Link{
		{Label: "All", Href: "?", On: true},
		{Label: "Active", Href: "?is_active=true"},
		{Label: "Inactive", Href: "?is_active=false"},
	}
	p.list.Pager = ui.Pager{From: 1, To: 25, Total: 100, Noun: "profiles", Next: "?offset=25"}
	p.list.Name = ui.SortLink{Label: "Name", Direction: "ascending", Href: "?sort=-name"}
	p.list.Updated = ui.SortLink{Label: "Updated", Href: "?sort=-updated_at"}
	p.frame = ui.Page{
		Title: "Profiles", Actions: ui.NewButton("New profile", "/access-profiles/new"),
		User: &ui.Viewer{Name: adminEmail, Email: adminEmail, Role: "Admin"},
		Nav: []ui.NavItem{
			{Label: "Profiles", Href: "/access-profiles", Icon: "profiles", Key: "g p", Current: true},
			{Label: "Users", Href: "/users", Icon: "users", Key: "g u"},
			{Label: "Roles", Href: "/roles", Icon: "roles", Key: "g r"},
			{Label: "Keys", Href: "/virtual-keys", Icon: "keys", Key: "g k"},
			{Label: "Requests", Href: "/access-requests", Icon: "requests", Key: "g q"},
			{Label: "Providers", Href: "/providers", Icon: "providers", Key: "g m", Group: 1},
			{Label: "MCP servers", Href: "/mcp/clients", Icon: "servers", Key: "g v", Group: 1},
			{Label: "Tool groups", Href: "/mcp/tool-groups", Icon: "tools", Key: "g t", Group: 1},
			{Label: "Usage", Href: "/usage", Icon: "usage", Key: "g c", Group: 2},
			{Label: "Refusals", Href: "/refusals", Icon: "refused", Key: "g f", Group: 2},
			{Label: "Settings", Href: "/settings", Icon: "settings", Key: "g ,", Group: 3},
		},
	}
	p.buffers.New = func() any { return new(bytes.Buffer) }
	return nil
}

func (f *floor) renderPage(c *gin.Context) error {
	buffer := f.page.buffers.Get().(*bytes.Buffer)
	defer f.page.buffers.Put(buffer)
	buffer.Reset()
	inside := templ.WithChildren(c.Request.Context(), views.ProfileListBody(f.page.list))
	if err := ui.Layout(f.page.frame).Render(inside, buffer); err != nil {
		return err
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", buffer.Bytes())
	return nil
}
