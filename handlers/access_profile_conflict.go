package handlers

import (
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/editor"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// chosen says for each field of a late save which side to keep: "yours" or "saved".
type chosen struct {
	input.Row
	Name             input.Value `form:"name"`
	Description      input.Value `form:"description"`
	Tags             input.Value `form:"tags"`
	ProviderConfigs  input.Value `form:"provider_configs"`
	Budgets          input.Value `form:"budgets"`
	RateLimit        input.Value `form:"rate_limit"`
	CalendarAligned  input.Value `form:"calendar_aligned"`
	FailOpenFor      input.Value `form:"fail_open_for"`
	MCPToolGroups    input.Value `form:"mcp_tool_groups"`
	MCPServers       input.Value `form:"mcp_servers"`
	MCPToolOverrides input.Value `form:"mcp_tool_overrides"`
}

// side is one field of a profile, with how to choose it and how to take the saved one.
type side struct {
	name, label string
	choice      func(*chosen) *input.Value
	take        func(yours *profile.Input, saved profile.Input)
}

var sides = []side{
	{
		"name", "Name",
		func(c *chosen) *input.Value { return &c.Name },
		func(y *profile.Input, s profile.Input) { y.Name = s.Name },
	},
	{
		"description", "Description", func(c *chosen) *input.Value { return &c.Description },
		func(y *profile.Input, s profile.Input) { y.Description = s.Description },
	},
	{
		"tags", "Tags",
		func(c *chosen) *input.Value { return &c.Tags },
		func(y *profile.Input, s profile.Input) { y.Tags = s.Tags },
	},
	{
		"provider_configs", "Providers", func(c *chosen) *input.Value { return &c.ProviderConfigs },
		func(y *profile.Input, s profile.Input) { y.ProviderConfigs = s.ProviderConfigs },
	},
	{
		"budgets", "Overall budgets", func(c *chosen) *input.Value { return &c.Budgets },
		func(y *profile.Input, s profile.Input) { y.Budgets = s.Budgets },
	},
	{
		"rate_limit", "Overall rate limit", func(c *chosen) *input.Value { return &c.RateLimit },
		func(y *profile.Input, s profile.Input) { y.RateLimit = s.RateLimit },
	},
	{
		"calendar_aligned", "Windows", func(c *chosen) *input.Value { return &c.CalendarAligned },
		func(y *profile.Input, s profile.Input) {
			y.CalendarAligned, y.TimeZone = s.CalendarAligned, s.TimeZone
		},
	},
	{
		"fail_open_for", "Without the database", func(c *chosen) *input.Value { return &c.FailOpenFor },
		func(y *profile.Input, s profile.Input) { y.FailOpenFor = s.FailOpenFor },
	},
	{
		"mcp_tool_groups", "Tool groups", func(c *chosen) *input.Value { return &c.MCPToolGroups },
		func(y *profile.Input, s profile.Input) { y.MCPToolGroups = s.MCPToolGroups },
	},
	{
		"mcp_servers", "MCP servers", func(c *chosen) *input.Value { return &c.MCPServers },
		func(y *profile.Input, s profile.Input) { y.MCPServers = s.MCPServers },
	},
	{
		"mcp_tool_overrides", "Single tools", func(c *chosen) *input.Value { return &c.MCPToolOverrides },
		func(y *profile.Input, s profile.Input) {
			y.MCPToolOverrides = s.MCPToolOverrides
		},
	},
}

// takeChosen carries out what was chosen after a late save: fields whose saved side was chosen are taken from the
// profile as it is now.
func (h *Handlers) takeChosen(c *gin.Context, e *shownForm, version *int64) error {
	if e.form.Choose.Kind == input.Absent || e.form.Op.Text == saveMine {
		return nil
	}
	current, err := h.currentProfile(c, e.id)
	if err != nil || version == nil || current.Version != *version {
		return err // the save reports the problem
	}
	saved := current.Input()
	var problems problem.Problems
	for _, side := range sides {
		switch choice := side.choice(&e.form.Choose).Text; choice {
		case "", "yours":
		case "saved":
			side.take(&e.form.Input, saved)
		default:
			problems = append(problems, problem.Problem{
				Field: "choose." + side.name, Code: "invalid_choice", Message: "Choose which one to keep.",
			})
		}
	}
	if problems != nil {
		return &problem.Refusal{Reason: problem.Invalid, Problems: problems}
	}
	return nil
}

// describeConflict shows both sides and gives the form the current version, so that the next save overwrites it
// knowingly.
func (h *Handlers) describeConflict(c *gin.Context, e *shownForm) error {
	current, err := h.currentProfile(c, e.id)
	if err != nil {
		return err
	}
	yours, mistakes := e.form.Apply(profile.Profile{IsActive: true})
	base := current
	if !e.form.Base.Given() {
		e.form.Base = e.form.BaseVersion
	}
	if version, err := (profileForm{BaseVersion: e.form.Base}).version(); err == nil {
		if base, err = h.profileAt(c, e.id, *version); err != nil {
			base = current
		}
	}
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	saved, err := profile.FindVersion(reqctx.Of(c), h.DB, e.id, current.Version)
	if err != nil {
		return err
	}
	conflict := &editor.EditConflict{
		Version: strconv.FormatInt(current.Version, 10), By: saved.ChangedBy, At: saved.CreatedAt,
		Own: saved.ChangedBy == reqctx.Actor(c).Name,
	}
	was, mine := policytext.FieldLines(base, offered), policytext.FieldLines(yours, offered)
	theirs := policytext.FieldLines(current, offered)
	for _, side := range sides {
		if slices.Equal(mine[side.name], theirs[side.name]) {
			continue
		}
		field := editor.ConflictField{Name: "choose." + side.name, Label: side.label}
		field.Yours, field.Saved = ui.CompareLines(mine[side.name], theirs[side.name])
		switch {
		case slices.Equal(was[side.name], mine[side.name]) && !mistakes.Under(side.name):
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
	e.form.BaseVersion = input.FormValue(conflict.Version)
	return nil
}

// currentProfile is the profile as the database has it now.
func (h *Handlers) currentProfile(c *gin.Context, id int64) (profile.Profile, error) {
	var shown profile.Profile
	document, err := profile.Document(reqctx.Of(c), h.readFrom(c), id)
	if err != nil {
		return shown, err
	}
	return shown, database.ReadDocument(document, &shown)
}

// profileAt is the profile as it was at a version.
func (h *Handlers) profileAt(c *gin.Context, id, version int64) (profile.Profile, error) {
	v, err := profile.FindVersion(reqctx.Of(c), h.readFrom(c), id, version)
	if err != nil {
		return profile.Profile{}, err
	}
	return v.Profile()
}
