package identityprovider

import (
	"context"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// Described are the fields of a provider that documents have: those of Input but for the secret and what the console
// sets, with the default role and the connection of a directory by their names.
type Described struct {
	input.Row
	Slug          input.Value             `json:"slug"`
	Name          input.Value             `json:"name"`
	Issuer        input.Value             `json:"issuer"`
	ClientID      input.Value             `json:"client_id"`
	AuthStyle     input.Value             `json:"auth_style" default:"basic"`
	Scopes        input.List[input.Value] `json:"scopes"`
	GroupsClaim   input.Value             `json:"groups_claim"`
	TrustEmail    input.Value             `json:"trust_email" default:"verified"`
	EmailDomains  input.List[input.Value] `json:"email_domains"`
	LinkByEmail   input.Value             `json:"link_by_email"`
	CreateUsers   input.Value             `json:"create_users"`
	DefaultRole   input.Value             `json:"default_role"`
	Connection    input.Value             `json:"connection"`
	MatchClaim    input.Value             `json:"match_claim" default:"sub"`
	MaxSession    input.Value             `json:"max_session" default:"12"`
	SignOutThere  input.Value             `json:"sign_out_there" default:"true"`
	TokenAudience input.Value             `json:"token_audience"`
	TokenScope    input.Value             `json:"token_scope"`
	TokenClients  input.List[input.Value] `json:"token_clients"`
	IsEnabled     input.Value             `json:"is_enabled" default:"true"`
}

// Input is the input of the API with every field but the secret, the default role and the connection.
func (d Described) Input() Input {
	in := Input{
		Row: input.Row{Kind: input.Object}, Slug: d.Slug, Name: d.Name, Issuer: d.Issuer, ClientID: d.ClientID,
		AuthStyle: d.AuthStyle, Scopes: d.Scopes, GroupsClaim: d.GroupsClaim, TrustEmail: d.TrustEmail,
		EmailDomains: d.EmailDomains, LinkByEmail: d.LinkByEmail, CreateUsers: d.CreateUsers, MatchClaim: d.MatchClaim,
		MaxSession:   d.MaxSession,
		SignOutThere: d.SignOutThere, IsEnabled: d.IsEnabled, TokenAudience: d.TokenAudience, TokenScope: d.TokenScope,
		TokenClients: d.TokenClients,
	}
	for value, usual := range map[*input.Value]input.Value{
		&in.AuthStyle: input.SampleText(added.AuthStyle), &in.TrustEmail: input.SampleText(added.TrustEmail),
		&in.GroupsClaim: input.SampleText(""), &in.TokenAudience: input.SampleText(""), &in.TokenScope: input.SampleText(""),
		&in.MatchClaim: input.SampleText(added.MatchClaim), &in.MaxSession: input.SampleNumber("12"),
		&in.LinkByEmail: isTrue(added.LinkByEmail), &in.CreateUsers: isTrue(added.CreateUsers),
		&in.SignOutThere: isTrue(added.SignOutThere), &in.IsEnabled: isTrue(added.IsEnabled),
	} {
		if !value.Given() {
			*value = usual
		}
	}
	if isLeftOut(in.Scopes) || in.Scopes.Kind == input.Array && len(in.Scopes.Items) == 0 {
		in.Scopes = input.SampleTexts(added.Scopes)
	}
	for _, list := range []*input.List[input.Value]{&in.EmailDomains, &in.TokenClients} {
		if isLeftOut(*list) {
			*list = input.SampleTexts(nil)
		}
	}
	in.DefaultRoleID.Kind, in.ConnectionID.Kind = input.Null, input.Null
	return in
}

func isLeftOut(l input.List[input.Value]) bool { return l.Kind == input.Absent || l.Kind == input.Null }

func isTrue(on bool) input.Value {
	v := input.Value{Kind: input.Bool, Text: "false"}
	if on {
		v.Text = "true"
	}
	return v
}

// Read reads what a document says of a provider by itself.
func (d Described) Read() (Provider, problem.Problems) {
	p, _, err := d.Input().apply(added)
	if refusal, refused := problem.AsRefusal(err); refused {
		return p, refusal.Problems
	}
	return p, nil
}

// Unchecked takes an issuer without asking it, for documents: nothing is called while their rows are locked.
func Unchecked(context.Context, string) error { return nil }
