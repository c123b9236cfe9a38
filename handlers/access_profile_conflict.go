package handlers

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"tollgate/models"
	"tollgate/views"
)

// chosen says for each field of a late save which side to keep: "yours" or "saved".
type chosen struct {
	models.Row
	Name             models.Value `form:"name"`
	Description      models.Value `form:"description"`
	Tags             models.Value `form:"tags"`
	ProviderConfigs  models.Value `form:"provider_configs"`
	Budgets          models.Value `form:"budgets"`
	RateLimit        models.Value `form:"rate_limit"`
	CalendarAligned  models.Value `form:"calendar_aligned"`
	MCPToolGroups    models.Value `form:"mcp_tool_groups"`
	MCPServers       models.Value `form:"mcp_servers"`
	MCPToolOverrides models.Value `form:"mcp_tool_overrides"`
}

// side is one field of a profile, with how to choose it and how to take the saved one.
type side struct {
	name, label string
	choice      func(*chosen) *models.Value
	take        func(yours *models.AccessProfileInput, saved models.AccessProfileInput)
}

var sides = []side{
	{"name", "Name", func(c *chosen) *models.Value { return &c.Name }, func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.Name = s.Name }},
	{
		"description", "Description", func(c *chosen) *models.Value { return &c.Description },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.Description = s.Description },
	},
	{"tags", "Tags", func(c *chosen) *models.Value { return &c.Tags }, func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.Tags = s.Tags }},
	{
		"provider_configs", "Providers", func(c *chosen) *models.Value { return &c.ProviderConfigs },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.ProviderConfigs = s.ProviderConfigs },
	},
	{
		"budgets", "Global budgets", func(c *chosen) *models.Value { return &c.Budgets },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.Budgets = s.Budgets },
	},
	{
		"rate_limit", "Global rate limit", func(c *chosen) *models.Value { return &c.RateLimit },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.RateLimit = s.RateLimit },
	},
	{
		"calendar_aligned", "Windows", func(c *chosen) *models.Value { return &c.CalendarAligned },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) {
			y.CalendarAligned, y.TimeZone = s.CalendarAligned, s.TimeZone
		},
	},
	{
		"mcp_tool_groups", "Tool groups", func(c *chosen) *models.Value { return &c.MCPToolGroups },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.MCPToolGroups = s.MCPToolGroups },
	},
	{
		"mcp_servers", "MCP servers", func(c *chosen) *models.Value { return &c.MCPServers },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) { y.MCPServers = s.MCPServers },
	},
	{
		"mcp_tool_overrides", "Single tools", func(c *chosen) *models.Value { return &c.MCPToolOverrides },
		func(y *models.AccessProfileInput, s models.AccessProfileInput) {
			y.MCPToolOverrides = s.MCPToolOverrides
		},
	},
}

// takeChosen carries out what was chosen after a late save: fields whose saved side was chosen are taken from the profile as it stands.
func (h *Handlers) takeChosen(c *gin.Context, e *editor, version *int64) error {
	if e.form.Choose.Kind == models.Absent {
		return nil
	}
	stands, err := h.standing(c, e.id)
	if err != nil || version == nil || stands.Version != *version {
		return err // the save itself says what is wrong
	}
	saved := stands.Input()
	var problems models.Problems
	for _, side := range sides {
		switch choice := side.choice(&e.form.Choose).Text; choice {
		case "", "yours":
		case "saved":
			side.take(&e.form.AccessProfileInput, saved)
		default:
			problems = append(problems, models.Problem{Field: "choose." + side.name, Code: "invalid_choice", Message: "Choose which one to keep."})
		}
	}
	if problems != nil {
		return &models.Refusal{Reason: models.Invalid, Problems: problems}
	}
	return nil
}

// describeConflict sets both sides beside each other and gives the form the version that stands, so that the next save is made knowingly.
func (h *Handlers) describeConflict(c *gin.Context, e *editor) error {
	stands, err := h.standing(c, e.id)
	if err != nil {
		return err
	}
	yours, _ := e.form.Apply(models.AccessProfile{IsActive: true})
	base := stands
	if !e.form.Base.Given() {
		e.form.Base = e.form.BaseVersion
	}
	if version, err := (profileForm{BaseVersion: e.form.Base}).version(); err == nil {
		if base, err = h.profileAt(c, e.id, *version); err != nil {
			base = stands
		}
	}
	catalogue, err := models.LoadCatalogue(ctx(c), h.DB)
	if err != nil {
		return err
	}
	conflict := &views.EditConflict{Version: strconv.FormatInt(stands.Version, 10)}
	was, mine, theirs := views.FieldLines(base, catalogue), views.FieldLines(yours, catalogue), views.FieldLines(stands, catalogue)
	for _, side := range sides {
		if slices.Equal(mine[side.name], theirs[side.name]) {
			continue
		}
		field := views.ConflictField{Name: "choose." + side.name, Label: side.label, Yours: mine[side.name], Saved: theirs[side.name]}
		switch {
		case slices.Equal(was[side.name], mine[side.name]):
			field.Chosen, field.Changed = "saved", "they changed it"
		case slices.Equal(was[side.name], theirs[side.name]):
			field.Chosen, field.Changed = "yours", "you changed it"
		default:
			field.Chosen, field.Changed = "yours", "you both changed it"
		}
		if again := side.choice(&e.form.Choose).Text; again != "" {
			field.Chosen = again
		}
		conflict.Fields = append(conflict.Fields, field)
	}
	e.conflict = conflict
	e.form.BaseVersion = models.Typed(conflict.Version)
	return nil
}

// standing is the profile as the database has it now.
func (h *Handlers) standing(c *gin.Context, id int64) (models.AccessProfile, error) {
	var profile models.AccessProfile
	document, err := models.AccessProfileDocument(ctx(c), h.DB, id)
	if err != nil {
		return profile, err
	}
	return profile, json.Unmarshal(document, &profile)
}

// profileAt is the profile as it was at a version.
func (h *Handlers) profileAt(c *gin.Context, id, version int64) (models.AccessProfile, error) {
	v, err := models.FindVersion(ctx(c), h.DB, id, version)
	if err != nil {
		return models.AccessProfile{}, err
	}
	return v.Profile()
}
