package handlers

import (
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/discovery"
	"tollgate/models/mcptool"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/inventory"
	"tollgate/views/ui"
)

const serversHref = "/mcp/clients"

// ListMCPServers answers a page of MCP servers.
func (h *Handlers) ListMCPServers(c *gin.Context) error {
	return catalogueList[mcptool.Server]{
		plural: "mcp_clients", title: "MCP servers", href: serversHref, noun: "servers", resource: "MCPServers",
		intro:  "The servers whose tools profiles and tool groups can grant.",
		newOne: "New MCP server", read: mcptool.ListServers,
		body: func(frame ui.ListFrame, rows []mcptool.Server) templ.Component {
			return inventory.MCPServerListBody(inventory.MCPServerList{ListFrame: frame, Servers: rows})
		},
	}.answer(h, c)
}

// NewMCPServer shows an empty form.
func (h *Handlers) NewMCPServer(c *gin.Context) error {
	return h.ask(c, func(c *gin.Context, problems problem.Problems) (templ.Component, error) {
		return h.serverForm(c, mcptool.Server{}, mcptool.ServerInput{}, problems)
	})
}

// CreateMCPServer adds an MCP server.
func (h *Handlers) CreateMCPServer(c *gin.Context) error {
	in, err := intake.DecodeWhole[mcptool.ServerInput](c)
	if err == nil {
		var server mcptool.Server
		if server, err = mcptool.CreateServer(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), in); err == nil {
			return saved(c, http.StatusCreated, "mcp_client", server, serversHref+"/"+server.ClientID, server.Name+" was added.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.serverForm(c, mcptool.Server{}, in, problems)
	})
}

// ShowMCPServer answers one server; its page says what uses it.
func (h *Handlers) ShowMCPServer(c *gin.Context) error {
	server, err := mcptool.GetServer(reqctx.Of(c), h.DB, c.Param("client_id"))
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"mcp_client": server})
		return nil
	}
	q := intake.ReadQuery(c, "search")
	search := q.Search()
	if err := q.Err(); err != nil {
		return err
	}
	page, err := h.serverPage(c, server, search, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// serverPage shows a server, and why its tools could not be asked for.
func (h *Handlers) serverPage(
	c *gin.Context, server mcptool.Server, search string, problems problem.Problems,
) (templ.Component, error) {
	use, err := catalogue.MCPServerUse(reqctx.Of(c), h.DB, server.ClientID)
	if err != nil {
		return nil, err
	}
	href := serversHref + "/" + server.ClientID
	page := h.below(c, server.Name, "MCP servers", serversHref, "", "")
	if err := h.managed(c, &page, configdoc.MCPClient, server.ClientID); err != nil {
		return nil, err
	}
	page.Actions = inventory.MCPServerActions(
		href, server.URL != nil, reqctx.Actor(c).May(permission.UpdateMCPServers),
		reqctx.Actor(c).May(permission.DeleteMCPServers),
	)
	if len(problems) > 0 {
		page.Flash, page.FlashKind = problems[0].Message, "error"
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
	}
	return framed(page, inventory.MCPServerBody(inventory.MCPServerRead{Server: server, Use: use, Search: search})), nil
}

// EditMCPServer shows the form of a server as it stands.
func (h *Handlers) EditMCPServer(c *gin.Context) error {
	server, err := mcptool.GetServer(reqctx.Of(c), h.DB, c.Param("client_id"))
	if err != nil {
		return err
	}
	page, err := h.serverForm(c, server, server.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateMCPServer changes the fields sent.
func (h *Handlers) UpdateMCPServer(c *gin.Context) error {
	id := c.Param("client_id")
	in, err := intake.DecodeWhole[mcptool.ServerInput](c)
	if err == nil {
		var server mcptool.Server
		if server, err = mcptool.UpdateServer(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), id, in); err == nil {
			return saved(c, http.StatusOK, "mcp_client", server, serversHref+"/"+id, server.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		server, err := mcptool.GetServer(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.serverForm(c, server, in, problems)
	})
}

// skippedNamed is how many entries that were skipped the API names.
const skippedNamed = 100

// RefreshMCPTools asks a server for its tools and stores them.
func (h *Handlers) RefreshMCPTools(c *gin.Context) error {
	id := c.Param("client_id")
	if err := intake.NoFields(c); err != nil {
		return err
	}
	// A user who leaves the page meanwhile finds the tools there later.
	server, skipped, err := discovery.RefreshMCPTools(
		context.WithoutCancel(reqctx.Of(c)), h.DB, h.Keys, reqctx.Actor(c), id, h.MCPPrivate,
	)
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.serverPage(c, server, "", problems)
		})
	}
	if reqctx.IsAPI(c) {
		skipped = append([]string{}, skipped...)
		reply.JSON(c, http.StatusOK, gin.H{
			"mcp_client": server, "skipped_tools": len(skipped), "skipped": skipped[:min(len(skipped), skippedNamed)],
		})
		return nil
	}
	return seeOther(c, serversHref+"/"+id, inventory.Refreshed(server, skipped))
}

// AfterRefresh redirects a reload of a refresh to the page of the server.
func (h *Handlers) AfterRefresh(c *gin.Context) error {
	server, err := mcptool.GetServer(reqctx.Of(c), h.DB, c.Param("client_id"))
	if err != nil {
		return err
	}
	return seeOther(c, serversHref+"/"+server.ClientID, "")
}

// ConfirmDeleteMCPServer asks before a server is deleted.
func (h *Handlers) ConfirmDeleteMCPServer(c *gin.Context) error {
	return h.ask(c, h.serverDeletion)
}

// DeleteMCPServer removes a server that no profile and no tool group names.
func (h *Handlers) DeleteMCPServer(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	id := c.Param("client_id")
	err := mcptool.DeleteServer(reqctx.Of(c), h.DB, reqctx.Actor(c), id)
	if err == nil {
		return deleted(c, id, serversHref)
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.serverDeletion(c, problems)
	})
}

func (h *Handlers) serverDeletion(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	server, err := mcptool.GetServer(reqctx.Of(c), h.DB, c.Param("client_id"))
	if err != nil {
		return nil, err
	}
	use, err := catalogue.MCPServerUse(reqctx.Of(c), h.DB, server.ClientID)
	if err != nil {
		return nil, err
	}
	href := serversHref + "/" + server.ClientID
	page := h.below(c, "Delete "+server.Name+"?", "MCP servers", serversHref, server.Name, href)
	return deletion(page, server.Name, href, []string{
		"The server is deleted with its list of tools; profiles and tool groups can no longer grant them.",
		"No profile and no tool group names it now.",
	}, use, problems), nil
}

// serverForm is the form of a new server, or of the one given.
func (h *Handlers) serverForm(
	c *gin.Context, stored mcptool.Server, in mcptool.ServerInput, problems problem.Problems,
) (templ.Component, error) {
	title, id, href := "New MCP server", stored.ClientID, serversHref+"/"+stored.ClientID
	if id != "" {
		title = "Edit " + stored.Name
	}
	notice, err := h.meanwhile(c, edited{
		"mcp_client", id, stored.Name, href + "/edit", stored.UpdatedAt,
	}, &in.Version, problems)
	if err != nil {
		return nil, err
	}
	page := h.below(c, title, "MCP servers", serversHref, stored.Name, href)
	reply.MarkProblems(&page, problems)
	return framed(page, reply.Within(inventory.MCPServerFormBody(inventory.MCPServerForm{
		ClientID: id, Input: in, Problems: problems, Stored: stored,
	}), notice)), nil
}
