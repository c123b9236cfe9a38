package identityprovider

import (
	"regexp"
	"slices"
	"strings"

	"tollgate/models/input"
	"tollgate/models/oidc"
	"tollgate/models/problem"
)

// Input is what a client may send of a provider. Its rules have an address of their own.
type Input struct {
	input.Row
	ID            input.Value             `json:"id,readonly"`
	Slug          input.Value             `json:"slug"`
	Name          input.Value             `json:"name"`
	Issuer        input.Value             `json:"issuer"`
	ClientID      input.Value             `json:"client_id"`
	ClientSecret  input.Value             `json:"client_secret"`
	RemoveSecret  input.Value             `form:"remove_client_secret"`
	HasSecret     input.Value             `json:"has_client_secret,readonly"`
	AuthStyle     input.Value             `json:"auth_style"`
	Scopes        input.List[input.Value] `json:"scopes"`
	GroupsClaim   input.Value             `json:"groups_claim"`
	TrustEmail    input.Value             `json:"trust_email"`
	EmailDomains  input.List[input.Value] `json:"email_domains"`
	LinkByEmail   input.Value             `json:"link_by_email"`
	CreateUsers   input.Value             `json:"create_users"`
	DefaultRoleID input.Value             `json:"default_role_id"`
	ConnectionID  input.Value             `json:"connection_id"`
	MatchClaim    input.Value             `json:"match_claim"`
	MaxSession    input.Value             `json:"max_session"`
	SignOutThere  input.Value             `json:"sign_out_there"`
	TokenAudience input.Value             `json:"token_audience"`
	TokenScope    input.Value             `json:"token_scope"`
	TokenClients  input.List[input.Value] `json:"token_clients"`
	IsEnabled     input.Value             `json:"is_enabled"`
	Rules         input.Value             `json:"rules,readonly"`
	Version       input.Value             `json:"version"`
	CreatedAt     input.Value             `json:"created_at,readonly"`
	UpdatedAt     input.Value             `json:"updated_at,readonly"`
}

var (
	slugForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	scopeForm  = regexp.MustCompile(`^[!#-\[\]-~]{1,255}$`)
	domainForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
)

// added is a provider before anything is said about it.
var added = Provider{
	AuthStyle: StyleBasic, Scopes: []string{"openid", "profile", "email"}, TrustEmail: TrustVerified, EmailDomains: []string{},
	TokenClients: []string{},
	MatchClaim:   "sub", MaxSession: 12, SignOutThere: true, IsEnabled: true, Rules: []Rule{},
}

// apply returns the provider that results when a field sent replaces that of p and a field left out keeps it, and the
// secret that was sent. Refusal: Invalid.
func (in Input) apply(p Provider) (Provider, *string, error) {
	c := &input.Reader{}
	if p.ID == 0 {
		c.Required("slug", in.Slug, "a short name for addresses")
		c.Required("name", in.Name, "a name")
		c.Required("issuer", in.Issuer, "the issuer")
		c.Required("client_id", in.ClientID, "the client id")
	}
	in.readNames(c, &p)
	sent := in.readSecret(c)
	optional(c, "groups_claim", "a claim", in.GroupsClaim, &p.GroupsClaim)
	choose(c, "auth_style", in.AuthStyle, &p.AuthStyle, StyleBasic, StylePost)
	choose(c, "trust_email", in.TrustEmail, &p.TrustEmail, TrustVerified, TrustAll)
	in.readLists(c, &p)
	in.readTokens(c, &p)
	for _, flag := range []struct {
		field string
		sent  input.Value
		set   *bool
	}{
		{"link_by_email", in.LinkByEmail, &p.LinkByEmail},
		{"create_users", in.CreateUsers, &p.CreateUsers},
		{"sign_out_there", in.SignOutThere, &p.SignOutThere},
		{"is_enabled", in.IsEnabled, &p.IsEnabled},
	} {
		if truth, ok := c.Bool(flag.field, flag.sent); ok {
			*flag.set = truth
		}
	}
	if in.DefaultRoleID.Kind == input.Null || in.DefaultRoleID.FromForm && in.DefaultRoleID.Text == "" && in.DefaultRoleID.Kind != input.Absent {
		p.DefaultRoleID = nil
	} else if id, ok := c.Int("default_role_id", in.DefaultRoleID, "the role's id", 1, input.MaxCount); ok {
		p.DefaultRoleID = &id
	}
	in.readConnection(c, &p)
	if hours, ok := c.Int("max_session", in.MaxSession, "hours", 1, 12); ok {
		p.MaxSession = hours
	}
	if (p.LinkByEmail || p.CreateUsers) && len(p.EmailDomains) == 0 {
		c.Add("email_domains", "required", "Name the domains whose addresses are trusted, "+
			"or neither create users nor link them by address.")
	}
	return p, sent, problem.InvalidInput(c.Problems)
}

func (in Input) readConnection(c *input.Reader, p *Provider) {
	if in.ConnectionID.Kind == input.Null || in.ConnectionID.FromForm && in.ConnectionID.Text == "" && in.ConnectionID.Kind != input.Absent {
		p.ConnectionID = nil
	} else if id, ok := c.Int("connection_id", in.ConnectionID, "the id of a connection", 1, input.MaxCount); ok {
		p.ConnectionID = &id
	}
	if claim, ok := c.Text("match_claim", in.MatchClaim, input.TextRule{What: "a claim", Max: 255, Exact: true}); ok {
		p.MatchClaim = claim
	}
}

// optional reads a text that may be empty.
func optional(c *input.Reader, field, what string, v input.Value, to *string) {
	empty := v.Kind == input.String && v.Text == ""
	if empty || v.FromForm && v.Kind != input.Absent && v.Text == "" {
		*to = ""
		return
	}
	if text, ok := c.Text(field, v, input.TextRule{What: what, Max: 255, Exact: true}); ok {
		*to = text
	}
}

func (in Input) readNames(c *input.Reader, p *Provider) {
	if in.Slug.Kind != input.Absent {
		slug, ok := c.Text("slug", in.Slug, input.TextRule{What: "a short name", Max: 32, Exact: true})
		switch {
		case !ok:
		case p.ID != 0 && slug != p.Slug:
			c.Add("slug", "read_only", "Leave the short name as it is: addresses at the provider contain it.")
		case !slugForm.MatchString(slug):
			c.Add("slug", "invalid_name", "Use 1 to 32 of the characters a–z 0–9 - and start with a letter or digit.")
		default:
			p.Slug = slug
		}
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok {
		p.Name, p.NameKey = name, input.NameKey(name)
	}
	if issuer, ok := c.Text("issuer", in.Issuer, input.TextRule{What: "the issuer", Max: 1000}); ok {
		if wrong := oidc.IssuerProblem(issuer); wrong != "" {
			c.Add("issuer", "invalid_url", wrong)
		}
		p.Issuer = issuer
	}
	if id, ok := c.Text("client_id", in.ClientID, input.TextRule{What: "the client id", Max: 500}); ok {
		p.ClientID = id
	}
}

// readSecret returns the secret that was sent, "" to remove it, nil when none was.
func (in Input) readSecret(c *input.Reader) *string {
	none := ""
	switch {
	case in.ClientSecret.Kind == input.Null, in.RemoveSecret.Text == "true":
		return &none
	case in.ClientSecret.FromForm && in.ClientSecret.Text == "":
		return nil // the form does not show it
	}
	if text, ok := c.Text("client_secret", in.ClientSecret, input.TextRule{What: "the client secret", Max: 2000, Exact: true}); ok {
		return &text
	}
	return nil
}

func (in Input) readLists(c *input.Reader, p *Provider) {
	if in.Scopes.Kind != input.Absent && input.CheckList(c, "scopes", in.Scopes, 50, "scopes") {
		p.Scopes = readEach(c, "scopes", in.Scopes, "Give a scope as a word without spaces, such as email.", scopeForm)
		if !slices.Contains(p.Scopes, "openid") {
			c.Add("scopes", "required", "Ask for the scope openid: without it there is no sign-in.")
		}
	}
	if in.EmailDomains.Kind != input.Absent && input.CheckList(c, "email_domains", in.EmailDomains, 100, "domains") {
		p.EmailDomains = readEach(c, "email_domains", in.EmailDomains, "Give a domain such as example.com, "+
			"in small letters and without @.", domainForm)
	}
}

// readEach reads a list of words, each once.
func readEach(c *input.Reader, field string, l input.List[input.Value], wrong string, form *regexp.Regexp) []string {
	words := []string{}
	for i, v := range l.Items {
		switch {
		case v.Kind == input.Null:
			c.Add(input.Index(field, i), "null_not_allowed", wrong)
		case v.Kind != input.String:
			c.Add(input.Index(field, i), "wrong_type", wrong)
		case !form.MatchString(v.Text):
			c.Add(input.Index(field, i), "invalid_format", wrong)
		case !slices.Contains(words, v.Text):
			words = append(words, v.Text)
		}
	}
	return words
}

func choose(c *input.Reader, field string, v input.Value, chosen *string, from ...string) {
	switch {
	case v.Kind == input.Absent:
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Choose "+input.Either(from)+" instead of null.")
	case v.Kind != input.String:
		c.Add(field, "wrong_type", "Choose "+input.Either(from)+".")
	case !slices.Contains(from, v.Text):
		c.Add(field, "invalid_field", "Choose "+input.Either(from)+".")
	default:
		*chosen = v.Text
	}
}

// Whole completes an input from a form, which shows every field: lists are words, and a box that is not ticked is not
// sent.
func (in Input) Whole() Input {
	for _, l := range []*input.List[input.Value]{&in.Scopes, &in.EmailDomains, &in.TokenClients} {
		for i := range l.Items {
			l.Items[i].Text = strings.ReplaceAll(strings.Join(strings.Fields(l.Items[i].Text), " "), ",", " ")
		}
		*l = input.Split(*l, " ")
	}
	for _, box := range []*input.Value{&in.LinkByEmail, &in.CreateUsers, &in.SignOutThere, &in.IsEnabled} {
		if box.Kind == input.Absent {
			*box = input.FormValue("false")
		}
	}
	in.Name, in.Issuer = input.SubmittedEmpty(in.Name), input.SubmittedEmpty(in.Issuer)
	in.ClientID = input.SubmittedEmpty(in.ClientID)
	in.TokenAudience, in.TokenScope = input.SubmittedEmpty(in.TokenAudience), input.SubmittedEmpty(in.TokenScope)
	in.GroupsClaim, in.DefaultRoleID = input.SubmittedEmpty(in.GroupsClaim), input.SubmittedEmpty(in.DefaultRoleID)
	in.ConnectionID, in.MatchClaim = input.SubmittedEmpty(in.ConnectionID), input.SubmittedEmpty(in.MatchClaim)
	in.Version = input.SentVersion(in.Version)
	return in
}
