package signin

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/signin"
	"tollgate/views/ui"
)

// List is a page of identity providers.
type List struct {
	Providers []identityprovider.Provider
	Search    string
	Kept      []ui.Field // what a new search keeps
	Pager     ui.Pager
	Now       time.Time
	MayUpdate bool
	Enforced  bool // users have to sign in by one of them
}

// Read is the page of a provider.
type Read struct {
	identityprovider.Provider
	Callback    string // addresses to enter at the provider
	Backchannel string
	SecretReads bool // the client secret can be read here
	Roles       []identity.Role
	Refused     []signin.Refused
	Now         time.Time
	MayUpdate   bool
}

func href(p identityprovider.Provider) string {
	return "/settings/sign-in/" + strconv.FormatInt(p.ID, 10)
}

// role is the name of a role.
func role(roles []identity.Role, id int64) string {
	for _, r := range roles {
		if r.ID == id {
			return r.Name
		}
	}
	return "a role that is gone"
}

// newcomers says what happens to users who sign in for the first time.
func (r Read) newcomers() []string {
	if r.ConnectionID != nil {
		return []string{"are the user whom the directory knows by their " + r.MatchClaim + ", " +
			"and refused until it has sent one"}
	}
	lines := []string{}
	if r.CreateUsers {
		lines = append(lines, "get an account, when their address is trusted")
	}
	if r.LinkByEmail {
		lines = append(lines, "are linked to the account with the same trusted address, "+
			"unless it may change users, roles, API keys or settings")
	}
	if len(lines) == 0 {
		return []string{"are refused, unless they connected the provider to their account before"}
	}
	return lines
}

func (r Read) trust() string {
	if len(r.EmailDomains) == 0 {
		return "none"
	}
	words := "when the provider says that they are verified"
	if r.TrustEmail == identityprovider.TrustAll {
		words = "unless the provider says that they are not verified"
	}
	return "of " + ui.Sequence(r.EmailDomains) + ", " + words
}

// tokens says which access tokens are accepted in place of a virtual key.
func (r Read) tokens() string {
	if r.TokenAudience == "" {
		return "not accepted"
	}
	words := "accepted for " + r.TokenAudience
	if r.TokenScope != "" {
		words += ", with the scope " + r.TokenScope
	}
	if len(r.TokenClients) > 0 {
		words += ", issued to " + ui.Sequence(r.TokenClients)
	}
	return words
}

func (r Read) secret() string {
	switch {
	case !r.HasSecret:
		return "none: a public client"
	case !r.SecretReads:
		return "enter it again: it was sealed with another secret of the console"
	}
	return "set, sent " + plural.Choose(r.AuthStyle == identityprovider.StyleBasic, "in the Authorization header", "in the form")
}

// withoutRules says which role users get who are added without rules.
func (r Read) withoutRules() string {
	if r.DefaultRoleID == nil {
		return "Without a default role, no user is added."
	}
	return "A user who is added becomes " + role(r.Roles, *r.DefaultRoleID) + "."
}

// otherwise says what becomes of a user whom no rule fits.
func (r Read) otherwise() string {
	if r.DefaultRoleID == nil {
		return "A user whom none fits is refused."
	}
	return "A user whom none fits is " + role(r.Roles, *r.DefaultRoleID) + "."
}

// Form is a provider as it was filled in.
type Form struct {
	Provider identityprovider.Provider
	Input    identityprovider.Input
	Problems problem.Problems
	Roles    []identity.Role
	Actor    permission.Actor
	Callback string

	Connections []database.Named // of directories
}

func (f Form) action() string {
	if f.Provider.ID == 0 {
		return "/settings/sign-in"
	}
	return href(f.Provider)
}

func (f Form) back() string { return f.action() }

func (f Form) links() []ui.ProblemLink {
	return ui.ListLinks(ui.ProblemLinks(f.Problems), f.Problems, "scopes", "email_domains", "token_clients")
}

func (f Form) connections() []ui.Option {
	chosen := f.Input.ConnectionID.Text
	options := []ui.Option{{Label: "None: by the settings above", Chosen: chosen == ""}}
	for _, c := range f.Connections {
		id := strconv.FormatInt(c.ID, 10)
		options = append(options, ui.Option{Value: id, Label: c.Name, Chosen: id == chosen})
	}
	return options
}

func (f Form) secretHint() string {
	if f.Provider.HasSecret {
		return "Leave it empty to keep the one that is set."
	}
	return "From the provider. Leave it empty for a public client."
}

// roles offers what may be given; none leaves people without a role out.
func roleOptions(roles []identity.Role, actor permission.Actor, chosen, none string) []ui.Option {
	options := []ui.Option{{Label: none, Chosen: chosen == ""}}
	for _, r := range roles {
		id := strconv.FormatInt(r.ID, 10)
		o := ui.Option{Value: id, Label: r.Name, Chosen: id == chosen}
		if !identity.Covers(actor, r.Permissions) && !o.Chosen {
			o.Disabled, o.Label = true, r.Name+" (permits more than you may do)"
		}
		options = append(options, o)
	}
	return options
}

func choices(chosen string, pairs ...string) []ui.Option {
	options := []ui.Option{}
	for i := 0; i < len(pairs); i += 2 {
		options = append(options, ui.Option{Value: pairs[i], Label: pairs[i+1], Chosen: chosen == pairs[i]})
	}
	return options
}

func hours(chosen string) []ui.Option {
	options := []ui.Option{}
	for n := 1; n <= 12; n++ {
		text := strconv.Itoa(n)
		options = append(options, ui.Option{Value: text, Label: plural.Of(n, "hour"), Chosen: chosen == text})
	}
	return options
}

// LostWays is what the deletion of a provider means while passwords are refused.
type LostWays struct {
	Enforced bool // passwords are refused
	Last     bool // and no other provider is enabled
}

// Deletion says what the deletion of a provider does.
func Deletion(p identityprovider.Provider, lost LostWays) []string {
	effects := []string{"Sessions that began at " + p.Name + " end."}
	if p.Users > 0 {
		effects = append(effects, plural.Of(p.Users, "user")+" can no longer sign in by it. Without "+
			plural.Choose(lost.Enforced, "another provider", "a password")+" they cannot sign in at all.")
	}
	if lost.Last {
		effects = append(effects, "Passwords are refused and no other provider is enabled: only break-glass admins can "+
			"sign in, until you add a provider or accept passwords again.")
	}
	return append(effects, "Users, their profiles and their keys stay.")
}

// Rules are the rules of a provider as they were filled in.
type Rules struct {
	Provider identityprovider.Provider
	Input    identityprovider.RulesInput
	Problems problem.Problems
	Roles    []identity.Role
	Actor    permission.Actor
}

// ruleField is a field of the nth rule with what is wrong with it.
func (r Rules) field(f ui.Field, n int, name string, value input.Value) ui.Field {
	f = ui.Typed(f, value, nil)
	f.Name = "rules[" + r.Input.Rules.Items[n].Key + "]." + name
	if messages := r.Problems.At(input.Index("rules", n) + "." + name); len(messages) > 0 {
		f.Error = messages[0]
	}
	return f
}

func (r Rules) links() []ui.ProblemLink {
	links := ui.ProblemLinks(r.Problems)
	for i, p := range r.Problems {
		for n, row := range r.Input.Rules.Items {
			if rest, ok := strings.CutPrefix(p.Field, input.Index("rules", n)); ok {
				links[i].ID = ui.FieldID("rules[" + row.Key + "]" + rest)
			}
		}
	}
	return links
}

// claim is the value of a claim as it was written. A long one is cut.
func claim(t signin.Tried, name string) string {
	value := string(t.Claims[name])
	if len(value) > 500 {
		value = value[:500] + "…"
	}
	return value
}

func outcome(t signin.Tried) string {
	switch {
	case t.Refused != "":
		return "Refused. " + t.Refused
	case t.User != nil:
		return "Signs in as " + t.User.Name + " (" + t.User.Email + ")."
	}
	return "Signs in: an account is added or linked for " + t.Email + "."
}

func why(t signin.Tried) string {
	switch {
	case len(t.Provider.Rules) == 0:
		return "There are no rules, so the console decides on the role; who is added gets the default role."
	case t.Rule != nil:
		return "The rule for the group " + t.Rule.Value + " is the first that fits."
	case t.RoleID != nil:
		return "No rule fits, so it is the default role."
	}
	return "No rule fits, and there is no default role."
}

// called names a rule for its buttons.
func (r Rules) called(n int) string {
	return cmp.Or(r.Input.Rules.Items[n].Value.Text, "rule "+strconv.Itoa(n+1))
}
