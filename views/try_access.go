package views

import (
	"slices"
	"time"

	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// TryPage is whether a user might make a call now.
type TryPage struct {
	User                identity.User
	Own                 bool // it is the user who asks
	Model, Server, Tool string
	Catalogue           catalogue.Catalogue
	Copies              []assignment.Assignment
	Decision            *decision.Decision
	Now                 time.Time
	At                  *time.Time       // as of which; nil for now
	TypedAt             string           // the same as it was typed
	Problems            problem.Problems // with what was asked for; then there is no decision
}

func (p TryPage) href() string {
	if p.Own {
		return "/me/try"
	}
	return "/users/" + p.User.ID + "/try"
}

// Asked reports whether there is something to decide.
func (p TryPage) Asked() bool { return p.Model != "" || p.Server != "" && p.Tool != "" }

// toolWrong says what is wrong with the tool, such as one typed without its server.
func (p TryPage) toolWrong() string {
	if p.Model == "" && p.Server != "" && p.Tool == "" {
		return "Put its MCP server in front, as in server/tool."
	}
	return p.wrongAt("tool")
}

// wrongAt is the first problem with the field that has this id.
func (p TryPage) wrongAt(id string) string {
	for _, wrong := range p.Problems {
		if p.fieldOf(wrong.Field) == id {
			return wrong.Message
		}
	}
	return ""
}

// fieldOf is the id of the field for a parameter, "" for none. The time stands in both forms: the one that was sent
// has its problem.
func (p TryPage) fieldOf(parameter string) string {
	switch parameter {
	case "at":
		if p.Model == "" && p.Server != "" {
			return "at-tool"
		}
		return "at-model"
	case "mcp_client_id", "tool_name":
		return "tool"
	case "model", "tool":
		return parameter
	}
	return ""
}

func (p TryPage) summary() []ui.ProblemLink {
	links := ui.ProblemLinks(p.Problems)
	for i, wrong := range p.Problems {
		links[i].ID = p.fieldOf(wrong.Field)
	}
	return links
}

// mostSuggested bounds a list of suggestions, which a browser filters as one types.
const mostSuggested = 1000

// models are those of the catalogue that it makes sense to try: of the providers that the user's copies have.
func (p TryPage) models() []string {
	var names []string
	for _, provider := range p.Catalogue.Providers {
		if !slices.ContainsFunc(p.Copies, func(u assignment.Assignment) bool { return hasProvider(u, provider.Name) }) {
			continue
		}
		for _, model := range provider.Models {
			names = append(names, provider.Name+"/"+catalogue.BareModel(provider.Name, model))
		}
	}
	return names[:min(mostSuggested, len(names))]
}

func hasProvider(u assignment.Assignment, name string) bool {
	return slices.ContainsFunc(u.ProviderConfigs, func(c policy.ProviderConfig) bool { return c.ProviderName == name })
}

// tools are those of the servers of which the user's copies grant some.
func (p TryPage) tools() []string {
	granted := map[string]bool{}
	for _, u := range p.Copies {
		for _, grant := range policy.Grants(p.Catalogue, u.Policy) {
			granted[grant.Server] = true
		}
	}
	var names []string
	for _, server := range p.Catalogue.Servers {
		if !granted[server.ClientID] {
			continue
		}
		for _, tool := range server.Tools {
			names = append(names, server.ClientID+"/"+tool)
		}
	}
	return names[:min(mostSuggested, len(names))]
}

// such names the first suggestion as an example, if there is one.
func such(hint string, suggestions []string) string {
	if len(suggestions) == 0 {
		return hint + "."
	}
	return hint + ", such as " + suggestions[0] + "."
}

// tool is the tool with its server, as its field has it.
func (p TryPage) tool() string {
	if p.Tool == "" {
		return p.Server
	}
	return p.Server + "/" + p.Tool
}

func decidedBar(l decision.DecidedLimit, zone string, now time.Time) ui.Bar {
	bar := ui.Bar{
		Label: policytext.ScopeWord(l.Scope) + ", " + l.Kind + " " + ui.Every(l.Duration), Used: policytext.AmountOf(l.Kind, l.Used.N),
		Limit: policytext.CapOf(l.Kind, l.Limit.N) + " / " + ui.Unit(l.Duration),
		Note:  ui.ResetsIn(l.WindowEndsAt, now, zone),
		Parts: policytext.Parts(l.Used.N+l.Reserved.N, l.Limit.N), Ends: l.WindowEndsAt,
		Where: policytext.ScopeWord(l.Scope),
	}
	if l.Reserved.N > 0 {
		bar.Used += " and " + policytext.AmountOf(l.Kind, l.Reserved.N) + " reserved"
	}
	return bar
}

// words say why it is allowed or refused; of limits the bars below say the rest.
func (p TryPage) words() string {
	var up []string
	for _, l := range p.Decision.Limits {
		if l.Used.N+l.Reserved.N >= l.Limit.N {
			where := plural.Choose(l.Scope.Overall(), "overall", "on "+l.Scope.Name())
			up = append(up, policytext.CapOf(l.Kind, l.Limit.N)+" / "+ui.Unit(l.Duration)+" "+where)
		}
	}
	if p.Decision.Decision || len(up) == 0 {
		return p.Decision.Message
	}
	return "Used up: " + ui.Sequence(up) + "."
}
