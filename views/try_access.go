package views

import (
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// TryPage is whether a user might make a call now.
type TryPage struct {
	User                identity.User
	Model, Server, Tool string
	Catalogue           catalogue.Catalogue
	Decision            *decision.Decision
	Now                 time.Time
	At                  *time.Time // as of which; nil for now
}

// at is the time as its field has it.
func (p TryPage) at() string {
	if p.At == nil {
		return ""
	}
	return p.At.UTC().Format("2006-01-02T15:04")
}

// Asked reports whether there is something to decide.
func (p TryPage) Asked() bool { return p.Model != "" || p.Server != "" && p.Tool != "" }

func (p TryPage) servers() []ui.Option {
	options := []ui.Option{{Label: "Choose a server", Chosen: p.Server == ""}}
	for _, server := range p.Catalogue.Servers {
		options = append(options, ui.Option{
			Value: server.ClientID, Label: server.ClientID, Chosen: server.ClientID == p.Server,
		})
	}
	return options
}

func decidedBar(l decision.DecidedLimit, now time.Time) ui.Bar {
	bar := ui.Bar{
		Label: policytext.ScopeWord(l.Scope) + ", " + l.Kind + " " + ui.Every(l.Duration), Used: policytext.AmountOf(l.Kind, l.Used.N),
		Limit: policytext.CapOf(l.Kind, l.Limit.N) + " / " + ui.Unit(l.Duration),
		Note:  policytext.Resets(l.WindowEndsAt, now),
		Parts: policytext.Parts(l.Used.N+l.Reserved.N, l.Limit.N), Ends: ui.Exact(l.WindowEndsAt),
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
