package identityprovider

import (
	"strconv"

	"tollgate/models/input"
)

// NewInput is the form input of a new provider.
func NewInput() Input { return added.Input() }

// Input returns the form input that describes p. The secret is not in it.
func (p Provider) Input() Input {
	in := Input{
		Slug: input.FormValue(p.Slug), Name: input.FormValue(p.Name), Issuer: input.FormValue(p.Issuer),
		ClientID: input.FormValue(p.ClientID), AuthStyle: input.FormValue(p.AuthStyle), Scopes: input.TypedList(p.Scopes),
		GroupsClaim: input.FormValue(p.GroupsClaim), TrustEmail: input.FormValue(p.TrustEmail),
		EmailDomains: input.TypedList(p.EmailDomains), LinkByEmail: box(p.LinkByEmail), CreateUsers: box(p.CreateUsers),
		SignOutThere: box(p.SignOutThere), IsEnabled: box(p.IsEnabled),
		MatchClaim:    input.FormValue(p.MatchClaim),
		TokenAudience: input.FormValue(p.TokenAudience), TokenScope: input.FormValue(p.TokenScope),
		TokenClients: input.TypedList(p.TokenClients),
		MaxSession:   input.FormValue(strconv.FormatInt(p.MaxSession, 10)),
		Version:      input.Version(p.UpdatedAt),
	}
	if p.DefaultRoleID != nil {
		in.DefaultRoleID = input.FormValue(strconv.FormatInt(*p.DefaultRoleID, 10))
	}
	if p.ConnectionID != nil {
		in.ConnectionID = input.FormValue(strconv.FormatInt(*p.ConnectionID, 10))
	}
	return in
}

func box(ticked bool) input.Value { return input.FormValue(strconv.FormatBool(ticked)) }

// RulesInput returns the form input that describes the rules of p.
func (p Provider) RulesInput() RulesInput {
	in := RulesInput{Version: input.Version(p.UpdatedAt)}
	for i, rule := range p.Rules {
		in.Rules.Items = append(in.Rules.Items, RuleInput{
			Row: input.Row{Kind: input.Object, Key: "r" + strconv.Itoa(i+1)}, Value: input.FormValue(rule.Value),
			RoleID: input.FormValue(strconv.FormatInt(rule.RoleID, 10)), Administrative: box(rule.Administrative),
		})
	}
	return in
}
