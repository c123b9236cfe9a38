package handlers

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/inventory"
	"tollgate/views/ui"
)

const groupsHref = "/mcp/tool-groups"

func groupHref(id int64) string { return groupsHref + "/" + strconv.FormatInt(id, 10) }

// groupForm is what the form of a tool group sends beside the group itself: a filter over its tools, for browsers
// without scripts.
type groupForm struct {
	mcptool.ToolGroupInput
	Op       input.Value `form:"op"`
	Filter   input.Value `form:"filter"`
	Filtered input.Value `form:"filtered"` // the filter of the page that was sent
}

// decodeGroup reads a tool group by either door; a form is completed, since it shows every field.
func decodeGroup(c *gin.Context) (groupForm, error) {
	form, err := intake.Decode[groupForm](c)
	if !reqctx.IsAPI(c) && !form.filters() {
		form.ToolGroupInput = form.Whole()
	}
	return form, err
}

// filters reports whether the form is only to be shown again with fewer tools. Enter saves, unless a filter was typed.
func (f groupForm) filters() bool {
	return f.Op.Text == "filter" || f.Op.Text == "enter" && f.Filter.Text != f.Filtered.Text
}

// ListToolGroups answers a page of tool groups.
func (h *Handlers) ListToolGroups(c *gin.Context) error {
	return catalogueList[mcptool.ToolGroup]{
		plural: "tool_groups", title: "Tool groups", href: groupsHref, noun: "tool groups", resource: "ToolGroups",
		intro:  "Selections of tools that profiles grant under one name.",
		newOne: "New tool group", read: mcptool.ListToolGroups,
		body: func(frame ui.ListFrame, rows []mcptool.ToolGroup) templ.Component {
			return inventory.ToolGroupListBody(inventory.ToolGroupList{ListFrame: frame, Groups: rows})
		},
	}.answer(h, c)
}

// NewToolGroup shows an empty form.
func (h *Handlers) NewToolGroup(c *gin.Context) error {
	page, err := h.groupForm(c, mcptool.ToolGroup{}, groupForm{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// CreateToolGroup adds a tool group.
func (h *Handlers) CreateToolGroup(c *gin.Context) error {
	in, err := decodeGroup(c)
	if err == nil && in.filters() {
		return h.filterTools(c, mcptool.ToolGroup{}, in)
	}
	if err == nil {
		var group mcptool.ToolGroup
		if group, err = mcptool.CreateToolGroup(reqctx.Of(c), h.DB, reqctx.Actor(c), in.ToolGroupInput); err == nil {
			return saved(c, http.StatusCreated, "tool_group", group, groupHref(group.ID), group.Name+" was added.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.groupForm(c, mcptool.ToolGroup{}, in, problems)
	})
}

// ShowToolGroup answers one group; its page says what uses it.
func (h *Handlers) ShowToolGroup(c *gin.Context) error {
	group, err := h.loadGroup(c)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"tool_group": group})
		return nil
	}
	q := intake.ReadQuery(c, "search")
	search := q.Search()
	if err := q.Err(); err != nil {
		return err
	}
	use, err := catalogue.ToolGroupUse(reqctx.Of(c), h.DB, group.ID)
	if err != nil {
		return err
	}
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	page := h.below(c, group.Name, "Tool groups", groupsHref, "", "")
	if err := h.managed(c, &page, configdoc.ToolGroup, group.Name); err != nil {
		return err
	}
	page.Actions = inventory.CatalogueActions(
		groupHref(group.ID), reqctx.Actor(c).May(permission.UpdateToolGroups),
		reqctx.Actor(c).May(permission.DeleteToolGroups),
	)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, inventory.ToolGroupBody(group, offered, use, search)))
	return nil
}

func (h *Handlers) loadGroup(c *gin.Context) (mcptool.ToolGroup, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return mcptool.ToolGroup{}, err
	}
	return mcptool.GetToolGroup(reqctx.Of(c), h.DB, id)
}

// EditToolGroup shows the form of a group as it stands.
func (h *Handlers) EditToolGroup(c *gin.Context) error {
	group, err := h.loadGroup(c)
	if err != nil {
		return err
	}
	page, err := h.groupForm(c, group, groupForm{ToolGroupInput: group.Input()}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateToolGroup changes the fields sent.
func (h *Handlers) UpdateToolGroup(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := decodeGroup(c)
	if err == nil && in.filters() {
		group, err := mcptool.GetToolGroup(reqctx.Of(c), h.DB, id)
		if err != nil {
			return err
		}
		return h.filterTools(c, group, in)
	}
	if err == nil {
		var group mcptool.ToolGroup
		if group, err = mcptool.UpdateToolGroup(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in.ToolGroupInput); err == nil {
			return saved(c, http.StatusOK, "tool_group", group, groupHref(id), group.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		group, err := mcptool.GetToolGroup(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.groupForm(c, group, in, problems)
	})
}

// ConfirmDeleteToolGroup asks before a group is deleted.
func (h *Handlers) ConfirmDeleteToolGroup(c *gin.Context) error {
	return h.ask(c, h.groupDeletion)
}

// DeleteToolGroup removes a group that no profile names.
func (h *Handlers) DeleteToolGroup(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	if err := mcptool.DeleteToolGroup(reqctx.Of(c), h.DB, reqctx.Actor(c), id); err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.groupDeletion(c, problems)
		})
	}
	return deleted(c, "The tool group", groupsHref)
}

func (h *Handlers) groupDeletion(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	group, err := h.loadGroup(c)
	if err != nil {
		return nil, err
	}
	use, err := catalogue.ToolGroupUse(reqctx.Of(c), h.DB, group.ID)
	if err != nil {
		return nil, err
	}
	page := h.below(c, "Delete "+group.Name+"?", "Tool groups", groupsHref, group.Name, groupHref(group.ID))
	return deletion(page, group.Name, groupHref(group.ID), []string{
		"The tool group is deleted; the servers and their tools stay.", "No profile names it now.",
	}, use, problems), nil
}

// filterTools shows the form again with the tools that match, and everything else as it was typed.
func (h *Handlers) filterTools(c *gin.Context, group mcptool.ToolGroup, in groupForm) error {
	page, err := h.groupForm(c, group, in, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// groupForm is the form of a new group, or of the one given.
func (h *Handlers) groupForm(
	c *gin.Context, group mcptool.ToolGroup, in groupForm, problems problem.Problems,
) (templ.Component, error) {
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	notice, err := h.meanwhile(c, edited{
		"tool_group", strconv.FormatInt(group.ID, 10), group.Name, groupHref(group.ID) + "/edit", group.UpdatedAt,
	}, &in.Version, problems)
	if err != nil {
		return nil, err
	}
	page := h.below(c, "New tool group", "Tool groups", groupsHref, group.Name, groupHref(group.ID))
	if group.ID != 0 {
		page.Title = "Edit " + group.Name
	}
	reply.MarkProblems(&page, problems)
	return framed(page, reply.Within(inventory.ToolGroupFormBody(inventory.ToolGroupForm{
		ID: group.ID, Input: in.ToolGroupInput, Filter: in.Filter.Text, Problems: problems, Catalogue: offered,
	}), notice)), nil
}
