package editor

import (
	"strconv"
	"strings"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// ProfileRead is a profile's policy to read.
type ProfileRead struct {
	Description string
	Tags        []ui.Link
	Facts       []Fact
	Review      []string
	Providers   []providerRead
	Budgets     []string
	Rates       []string
	Resets      []resetNote
	Windows     string
	Away        string
	Groups      []ui.Link
	Servers     []ui.Link
	Overrides   []string
	Grants      []grantLine
	Body, Curl  string
	Request     string
}

// Fact is one line under a title.
type Fact struct{ Label, Value, Title string }

type providerRead struct {
	Name, Href, Models string
	Listed             []string
	Budgets, Rates     []string
}

// ProfileReadOf writes a profile out; the JSON is what makes the same again.
func ProfileReadOf(
	p profile.Profile, offered catalogue.Catalogue, now time.Time, tagLink func(string) string, baseURL string,
) ProfileRead {
	editor := Editor{Catalogue: offered, Draft: p, Now: now, BaseURL: baseURL}
	names := policytext.NamesOfGroups(offered)
	read := ProfileRead{
		Facts: []Fact{
			{Label: "Version", Value: plural.Count(p.Version)},
			{Label: "Updated", Value: ui.Ago(p.UpdatedAt, now), Title: ui.Exact(p.UpdatedAt)},
			{Label: "Created", Value: ui.Ago(p.CreatedAt, now), Title: ui.Exact(p.CreatedAt)},
		},
		Review:  policytext.Sentences(p.Name, p.Policy, names),
		Budgets: budgetTexts(p.Budgets), Rates: policytext.ExactRate(p.RateLimit),
		Resets: (&formBuilder{Editor: editor}).resets(), Windows: "Run from when a holder got the profile.",
		Away:   ui.UpperFirst(policytext.FailOpenLine(p.FailOpenFor)) + ".",
		Grants: grantLines(policy.Grants(offered, p.Policy)),
	}
	if p.Description != nil {
		read.Description = *p.Description
	}
	if p.CalendarAligned {
		read.Windows = "Aligned to the calendar in " + p.Zone() + "."
	}
	for _, tag := range p.Tags {
		read.Tags = append(read.Tags, ui.Link{Label: tag, Href: tagLink(tag)})
	}
	for _, config := range p.ProviderConfigs {
		read.Providers = append(read.Providers, providerRead{
			Name: config.ProviderName, Href: "/providers/" + config.ProviderName,
			Models: modelsInWords(config, len(offered.Models(config.ProviderName))), Listed: config.AllowedModels,
			Budgets: budgetTexts(config.Budgets), Rates: policytext.ExactRate(config.RateLimit),
		})
	}
	for _, grant := range p.MCPToolGroups {
		read.Groups = append(read.Groups, ui.Link{
			Label: names.Of(grant.ToolGroupID), Href: "/mcp/tool-groups/" + strconv.FormatInt(grant.ToolGroupID, 10),
		})
	}
	for _, grant := range p.MCPServers {
		read.Servers = append(read.Servers, ui.Link{Label: grant.MCPServerID, Href: "/mcp/clients/" + grant.MCPServerID})
	}
	for _, o := range p.MCPToolOverrides {
		read.Overrides = append(read.Overrides, o.Action+" "+o.MCPClientID+"/"+o.ToolName)
	}
	if body, err := p.Input().Body(); err == nil {
		editor.Body = body
		read.Body = body
		read.Request, read.Curl = editor.curl()
	}
	return read
}

func modelsInWords(config policy.ProviderConfig, offered int) string {
	words := "every model, including future models"
	switch n := len(config.AllowedModels); {
	case config.AllModelsAllowed:
	case n == 0:
		return "no model: every call is refused"
	default:
		words = policytext.PickedOf(n, offered, config.ProviderName, "model")
	}
	if config.RefuseUnpriced {
		words += "; one without a price is refused"
	}
	return words
}

func budgetTexts(budgets []policy.Budget) []string {
	var texts []string
	for _, budget := range budgets {
		texts = append(texts, policytext.SpendLine(budget))
	}
	return texts
}

// CloneForm asks for the name of a copy.
type CloneForm struct {
	Href, Source string
	Input        profile.CloneInput
	Problems     problem.Problems
}

func (f CloneForm) field(name, label string, v input.Value) ui.Field {
	return ui.Field{Name: name, Label: label, Value: v.Text, Width: "wide", Error: strings.Join(f.Problems.At(name), " ")}
}

func (f CloneForm) optional(name, label string, v input.Value) ui.Field {
	field := f.field(name, label, v)
	field.Optional = true
	return field
}

func (f CloneForm) summary() []ui.ProblemLink {
	return ui.LinksTo(f.Problems, "name", "description")
}
