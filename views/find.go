package views

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tollgate/models/blocked"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/search"
	"tollgate/views/ui"
)

// FoundPage is the kind of hits that are pages of the console.
const FoundPage search.Kind = "page"

// Found is what a search found, as it is shown.
type Found struct {
	Text   string // what was looked for; "" when it was a key
	Secret bool   // a key was looked for
	Groups []FoundGroup
	// Problems are with what was to be looked for; then nothing was.
	Problems problem.Problems
}

// Count is how many hits are shown.
func (f Found) Count() int {
	n := 0
	for _, group := range f.Groups {
		n += len(group.Hits)
	}
	return n
}

// FoundGroup is the hits of one kind; All leads to the list of all of them.
type FoundGroup struct {
	Kind       search.Kind
	Label, All string
	Hits       []FoundHit
}

// noun is the label within a sentence.
func (g FoundGroup) noun() string {
	if first, _, _ := strings.Cut(g.Label, " "); first == strings.ToUpper(first) {
		return g.Label // MCP servers
	}
	return ui.LowerFirst(g.Label)
}

// FoundHit is one of them.
type FoundHit struct {
	Name, Of, State, Href string
	Bad                   bool // the state is why something does not work
}

var foundWords = map[search.Kind]struct{ label, icon, list string }{
	FoundPage:        {"Go to", "right", ""},
	search.Action:    {"Do", "edit", ""},
	search.User:      {"Users", "users", "/users"},
	search.Profile:   {"Profiles", "profiles", "/access-profiles"},
	search.Role:      {"Roles", "roles", "/roles"},
	search.Key:       {"Keys", "keys", "/virtual-keys"},
	search.Model:     {"Models", "providers", ""},
	search.Tool:      {"Tools", "tools", ""},
	search.Provider:  {"Providers", "providers", "/providers"},
	search.Server:    {"MCP servers", "servers", "/mcp/clients"},
	search.ToolGroup: {"Tool groups", "tools", "/mcp/tool-groups"},
	search.APIKey:    {"API keys", "keys", "/settings/api-keys"},
	search.Change:    {"Changes", "audit", ""},
}

// NewFound prepares a result for pages and for the API.
func NewFound(r search.Result, may func(search.Kind) bool, now time.Time) Found {
	found := Found{Text: r.Text}
	for _, group := range r.Groups {
		words := foundWords[group.Kind]
		shown := FoundGroup{Kind: group.Kind, Label: words.label}
		if group.More {
			shown.All = "/find?" + url.Values{"q": {r.Text}, "kind": {string(group.Kind)}}.Encode()
			if words.list != "" {
				shown.All = words.list + "?" + url.Values{"search": {r.Text}}.Encode()
			}
		}
		for _, hit := range group.Hits {
			state, bad := hitState(hit, now)
			shown.Hits = append(shown.Hits, FoundHit{
				Name: hit.Name, Of: hit.Of, State: state, Bad: bad, Href: hitHref(hit, may),
			})
		}
		found.Groups = append(found.Groups, shown)
	}
	return found
}

// hitState describes the state of a hit, and reports whether it keeps something from working.
func hitState(hit search.Hit, now time.Time) (state string, bad bool) {
	switch hit.Kind {
	case search.User:
		return userState(hit)
	case search.Profile:
		held := "held by " + cmp.Or(counted(hit.Count), "no user")
		if !hit.Active {
			return "archived, " + held, true
		}
		return held, false
	case search.Role:
		return plural.Of(hit.Count, "user"), false
	case search.Key:
		return keyState(hit, now)
	case search.APIKey:
		return keyState(hit, now)
	case search.Model, search.Tool:
		if hit.Known {
			return plural.Of(hit.Profiles, "profile") + ", " + cmp.Or(counted(hit.Count), "no user") + " may call it", false
		}
	case search.Provider:
		return plural.Of(hit.Count, "model"), false
	case search.Server:
		return plural.Of(hit.Count, "tool"), false
	case search.Change:
		if hit.At != nil {
			return ui.Moment(*hit.At), false
		}
	case search.Action:
		if line := hit.Act.Line; line != nil {
			return lineOf(*line) + " of " + line.Profile, line.UsedUp
		}
	}
	return "", false
}

// counted is a number of users, "" for none.
func counted(users int64) string {
	if users == 0 {
		return ""
	}
	return plural.Of(users, "user")
}

func userState(hit search.Hit) (state string, bad bool) {
	if !hit.Known {
		return "", false
	}
	return stateWords(hit.State)
}

// stateWords describe the state of a user, and report whether it is why calls are refused.
func stateWords(s blocked.State) (words string, bad bool) {
	line := s.UsedUp()
	switch {
	case s.Copies == 0:
		return "no active profile", true
	case line == nil:
		return "", false
	case s.Blocked():
		return "blocked: " + lineOf(*line), true
	}
	return "used up: " + lineOf(*line), true
}

func keyState(hit search.Hit, now time.Time) (state string, bad bool) {
	switch {
	case hit.Retired:
		return "replaced or deleted", true
	case hit.At == nil:
		return "", false
	case !hit.At.After(now):
		return "expired", true
	}
	return "expires " + ui.Moment(*hit.At), false
}

// lineOf names a limit: $900.00 per month on anthropic.
func lineOf(l blocked.Line) string {
	words := plural.Count(l.Limit) + " " + l.Kind + " per " + ui.Unit(l.Duration)
	if l.Kind == policy.KindSpend {
		words = ui.Dollars(l.Money()) + " per " + ui.Unit(l.Duration)
	}
	if !l.Scope.Overall() {
		words += " on " + l.Scope.Name()
	}
	return words
}

// hitHref is where a hit leads.
func hitHref(hit search.Hit, may func(search.Kind) bool) string {
	switch hit.Kind {
	case search.Action:
		return actHref(*hit.Act)
	case search.Key:
		if may(search.User) && hit.UserID != "" {
			return "/users/" + hit.UserID + "#keys"
		}
		return "/virtual-keys?" + url.Values{"search": {hit.Name}}.Encode()
	case search.Model:
		if may(search.Profile) {
			return "/find/callers?" + url.Values{"provider": {hit.Of}, "model": {hit.Name}}.Encode()
		}
		return "/providers/" + url.PathEscape(hit.Of)
	case search.Tool:
		if may(search.Profile) {
			return "/find/callers?" + url.Values{"mcp_client_id": {hit.Of}, "tool_name": {hit.Name}}.Encode()
		}
		return "/mcp/clients/" + url.PathEscape(hit.Of)
	case search.APIKey:
		return "/settings/api-keys?" + url.Values{"search": {hit.Name}}.Encode()
	case search.Change:
		return "/audit?" + url.Values{"id": {hit.ID}}.Encode()
	}
	return foundWords[hit.Kind].list + "/" + url.PathEscape(hit.ID)
}

// actHref is the page on which an action is done.
func actHref(act search.Act) string {
	list := foundWords[act.Target].list
	href := list + "/" + url.PathEscape(act.ID)
	switch act.Verb {
	case "new":
		return list + "/new"
	case "raise":
		copyHref := href + "/access-profiles/" + strconv.FormatInt(act.Line.CopyID, 10)
		return copyHref + "/budgets/" + act.Line.LineID + "/override"
	case "assign":
		return href + "/access-profiles/new"
	case "key":
		return href + "/virtual-keys/new"
	case "duplicate":
		return href + "/clone"
	}
	return href + "/" + act.Verb
}

// said is how many hits there are, for screen readers.
func (f Found) said() string {
	if f.Count() == 0 {
		return "Nothing found"
	}
	return plural.Of(f.Count(), "hit")
}

// CallersIntro says who may call a model or a tool in a sentence.
func CallersIntro(c search.Callers) string {
	return plural.Of(c.Users, "user") + " may call " + c.Name + " of " + c.Of + ", as their copies stand now."
}

// CallersCrumbs lead to the provider or the MCP server.
func CallersCrumbs(c search.Callers) []ui.Crumb {
	owner := search.Provider
	if c.Kind == search.Tool {
		owner = search.Server
	}
	words := foundWords[owner]
	return []ui.Crumb{{Label: words.label, Href: words.list}, {Label: c.Of, Href: words.list + "/" + url.PathEscape(c.Of)}}
}
