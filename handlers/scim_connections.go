package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/configdoc"
	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/views/inventory"
	"tollgate/views/provisioning"
	"tollgate/views/ui"
)

const connectionsHref = "/settings/provisioning"

func connectionHref(id int64) string { return connectionsHref + "/" + strconv.FormatInt(id, 10) }

// ListSCIMConnections answers a page of the connections of directories.
func (h *Handlers) ListSCIMConnections(c *gin.Context) error {
	q, wanted, err := catalogueQuery(c)
	if err != nil {
		return err
	}
	rows, total, err := connection.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "scim_connections", rows, total, wanted)
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(rows), total) {
		return nil
	}
	page := h.settingsFrame(c, "Provisioning", connectionsHref)
	page.Rows = len(rows) > 0
	frame := listFrame(c, q, wanted, len(rows), total, "connections", "Settings")
	if frame.MayCreate = frame.MayUpdate; frame.MayCreate {
		page.Actions = ui.NewButton("New connection", connectionsHref+"/new")
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, provisioning.ListBody(frame, rows)))
	return nil
}

// NewSCIMConnection shows an empty form.
func (h *Handlers) NewSCIMConnection(c *gin.Context) error {
	page, err := h.connectionForm(c, connection.Connection{}, connection.NewInput(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// CreateSCIMConnection adds a connection.
func (h *Handlers) CreateSCIMConnection(c *gin.Context) error {
	in, err := intake.DecodeWhole[connection.Input](c)
	if err == nil {
		var made connection.Connection
		if made, err = connection.Create(reqctx.Of(c), h.DB, reqctx.Actor(c), in); err == nil {
			return savedConnection(c, http.StatusCreated, made, made.Name+" was added. Make a token for it next.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.connectionForm(c, connection.Connection{}, in, problems)
	})
}

// savedConnection answers a connection that was made or changed.
func savedConnection(c *gin.Context, status int, of connection.Connection, flash string) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, connectionHref(of.ID), flash)
	}
	if status == http.StatusCreated {
		c.Header("Location", "/api/scim-connections/"+strconv.FormatInt(of.ID, 10))
	}
	reply.JSON(c, status, gin.H{"scim_connection": of})
	return nil
}

// ShowSCIMConnection answers one connection; its page has what to enter in the directory.
func (h *Handlers) ShowSCIMConnection(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"scim_connection": of})
		return nil
	}
	page, err := h.connectionPage(c, of, connectionPage{})
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) loadConnection(c *gin.Context) (connection.Connection, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return connection.Connection{}, err
	}
	return connection.Get(reqctx.Of(c), h.DB, id)
}

// EditSCIMConnection shows the form of a connection as it stands.
func (h *Handlers) EditSCIMConnection(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	page, err := h.connectionForm(c, of, of.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateSCIMConnection changes the fields sent.
func (h *Handlers) UpdateSCIMConnection(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	in, err := intake.DecodeWhole[connection.Input](c)
	if err == nil {
		var changed connection.Connection
		if changed, err = provision.UpdateConnection(reqctx.Of(c), h.DB, reqctx.Actor(c), of.ID, in); err == nil {
			return savedConnection(c, http.StatusOK, changed, changed.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		stands, err := connection.Get(reqctx.Of(c), h.DB, of.ID)
		if err != nil {
			return nil, err
		}
		return h.connectionForm(c, stands, in, problems)
	})
}

// ConfirmDeleteSCIMConnection asks before a connection is deleted.
func (h *Handlers) ConfirmDeleteSCIMConnection(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	page := h.connectionFrame(c, "Delete "+of.Name+"?", of)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, ui.ConfirmBody(ui.Confirm{
		Action: connectionHref(of.ID) + "/delete", Verb: "Delete " + of.Name, Cancel: connectionHref(of.ID),
		Effects: provisioning.Deletion(of),
	})))
	return nil
}

// DeleteSCIMConnection removes a connection; its users stay, as users of the console.
func (h *Handlers) DeleteSCIMConnection(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	gone, err := connection.Delete(reqctx.Of(c), h.DB, reqctx.Actor(c), id)
	if err != nil {
		return err
	}
	return deleted(c, gone.Name, connectionsHref)
}

// connectionForm is the form of a new connection, or of the one given.
func (h *Handlers) connectionForm(
	c *gin.Context, of connection.Connection, in connection.Input, problems problem.Problems,
) (templ.Component, error) {
	roles, err := identity.RoleChoices(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	notice, err := h.meanwhile(c, edited{
		"scim_connection", strconv.FormatInt(of.ID, 10), of.Name, connectionHref(of.ID) + "/edit", of.UpdatedAt,
	}, &in.Version, problems)
	if err != nil {
		return nil, err
	}
	title := "New connection"
	if of.ID != 0 {
		title = "Edit " + of.Name
	}
	page := h.connectionFrame(c, title, of)
	if of.ID != 0 {
		if err := h.managed(c, &page, configdoc.SCIMConnection, of.Name); err != nil {
			return nil, err
		}
	}
	reply.MarkProblems(&page, problems)
	return framed(page, reply.Within(provisioning.FormBody(provisioning.Form{
		ID: of.ID, Input: in, Problems: problems, Roles: roles, Actor: reqctx.Actor(c),
	}), notice)), nil
}

// connectionPage is the page of a connection, with what was typed on it.
func (h *Handlers) connectionPage(
	c *gin.Context, of connection.Connection, typed connectionPage,
) (templ.Component, error) {
	page := h.connectionFrame(c, of.Name, connection.Connection{})
	if err := h.managed(c, &page, configdoc.SCIMConnection, of.Name); err != nil {
		return nil, err
	}
	page.Tabs = connectionTabs(of.ID, "")
	may := reqctx.Actor(c).May(permission.UpdateSettings)
	page.Actions = inventory.CatalogueActions(connectionHref(of.ID), may, may)
	reply.MarkProblems(&page, typed.problems)
	return framed(page, provisioning.Body(provisioning.Page{
		Connection: of, Address: h.scimAddress(),
		MayUpdate: may, MayHandOver: may && reqctx.Actor(c).May(permission.UpdateUsers),
		Token: typed.token, Domain: typed.domain, Problems: typed.problems, Now: time.Now(),
	})), nil
}

// connectionFrame is the frame of a page below the list of connections, or below the connection given.
func (h *Handlers) connectionFrame(c *gin.Context, title string, of connection.Connection) ui.Page {
	page := h.page(c, title, "/settings")
	page.Crumbs = []ui.Crumb{{Label: "Settings", Href: "/settings"}, {Label: "Provisioning", Href: connectionsHref}}
	if of.ID != 0 {
		page.Crumbs = append(page.Crumbs, ui.Crumb{Label: of.Name, Href: connectionHref(of.ID)})
	}
	return page
}

// scimAddress is what a directory calls.
func (h *Handlers) scimAddress() string { return strings.TrimSuffix(h.BaseURL, "/") + "/scim/v2" }
