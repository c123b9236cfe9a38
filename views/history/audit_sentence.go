package history

import (
	"cmp"
	"strings"
	"time"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/views/ui"
)

// SentencePart is a run of words of a sentence, with a link where what it names can be looked at.
type SentencePart struct{ Text, Href string }

// sentences say what was done, by what kind of thing it was done to and the action. {what} and {whom} are links.
var sentences = map[string]string{
	"access_profile create":      "created the profile {what}",
	"access_profile clone":       "created the profile {what} as a copy of another",
	"access_profile update":      "changed the {fields} of {what}",
	"access_profile delete":      "deleted the profile {what}",
	"access_profile activate":    "unarchived {what}",
	"access_profile deactivate":  "archived {what}",
	"access_profile pause":       "paused the access of {whom} by {what}",
	"access_profile resume":      "resumed the access of {whom} by {what}",
	"access_profile restore":     "restored an earlier version of {what}: {fields}",
	"access_profile propagate":   "pushed version {version} of {what} to {whom}: {pushed}",
	"access_profile attach_role": "attached {what} to {roles}{default}{given}",
	"access_profile detach_role": "detached {what} from {roles}{taken}",
	"copy assign":                "gave {what} to {whom}{source}",
	"copy unassign":              "detached {what} from {whom}",
	"copy update":                "changed the {fields} of {whom}'s {what}",
	"copy activate":              "resumed {whom}'s access by {what}",
	"copy deactivate":            "paused {whom}'s access by {what}",
	"copies assign":              "gave {what} to {whom}{source}",
	"copies unassign":            "detached {what} from {whom}",
	"copies update":              "changed the {fields} of {what} for {whom}",
	"copy endless":               "gave {whom} another role, so that their access by {what} no longer ends",
	"copies endless":             "gave {whom} another role, so that their access by {what} no longer ends",
	"copy ends":                  "gave {whom} another role, so that their access by {what} ends as it was assigned",
	"copies ends":                "gave {whom} another role, so that their access by {what} ends as it was assigned",
	"copy override_set":          "raised {whom}'s {limit} of {what} by {amount}{lasting}",
	"copy override_clear":        "removed the raise of {whom}'s {limit} of {what}",
	"virtual_key create":         "issued the key {name} to {whom}",
	"virtual_key update":         "changed the {fields} of {whom}'s key {name}",
	"virtual_key delete":         "deleted {whom}'s key {name}",
	"user create":                "added the user {whom}",
	"user update":                "changed the {fields} of {whom}",
	"user activate":              "activated the user {whom}",
	"user deactivate":            "deactivated the user {whom}",
	"user break_glass":           "signed in as a break-glass admin",
	"user sign_in":               "signed in with {provider}",
	"user sign_out":              "signed out of {provider}",
	"user link":                  "connected {whom} to {provider}",
	"user unlink":                "disconnected {whom} from {provider}",
	"user delete":                "deleted the user {name}",
	"user purge":                 "deleted the user {name}, whom the directory had deleted",
	"role_rules update":          "changed which roles the groups of {what} give",
	"scim_group create":          "created the group {what} by a directory",
	"scim_group update":          "changed the group {what} of a directory",
	"scim_group delete":          "deleted the group {what} by a directory",
	"user hand_over":             "handed {whom} over to a directory",
	"user release":               "released {whom} from their directory",
	"access_request create":      "asked for more: {name}",
	"access_request update":      "{decided} {whom}'s request for {name}",
	"sign_in_link create":        "made a sign-in link for {whom}",
	"sign_in_link delete":        "signed in by a link",
	"usage_event update":         "took {adjusted} of the charge for {what} back from {whom}",
	"quarantined_usage assign":   "assigned {usage} of an unknown key to {whom}",
	"quarantined_usage delete":   "dismissed {usage} of an unknown key",
}

var otherSentences = map[string]string{
	"create": "created the {kind} {what}", "update": "changed the {fields} of the {kind} {what}",
	"delete": "deleted the {kind} {what}",
}

// about is what the documents of a row say that its sentence needs.
type about struct {
	Resource      string      `json:"resource"`
	Name          string      `json:"name"`
	State         string      `json:"state"`
	Email         string      `json:"email"`
	Provider      string      `json:"provider"`
	Source        string      `json:"source"`
	FromRole      *bool       `json:"from_role"`
	Roles         []string    `json:"roles"`
	Role          string      `json:"role"`
	IsDefault     bool        `json:"is_default"`
	Given         bool        `json:"apply_to_existing"`
	Taken         bool        `json:"remove_from_users"`
	ToVersion     int64       `json:"to_version"`
	Fields        []string    `json:"fields"`
	Scope         string      `json:"scope"`
	ResetDuration string      `json:"reset_duration"`
	MaxLimit      money.Money `json:"max_limit"`
	Amount        money.Money `json:"amount"`
	Cycles        *int64      `json:"cycles"`
	Until         *time.Time  `json:"until"`
}

// sentence says in words what a row records; the actor is its subject, which comes before it. Names are those of the
// users affected, by their id.
func sentence(row audit.Entry, names map[string]string, differing []DifferenceRow) []SentencePart {
	var a about
	for _, text := range []*string{row.PreviousValues, row.NewValues, row.Metadata} {
		if text != nil {
			_ = database.ReadDocument([]byte(*text), &a) // of another shape it says nothing more
		}
	}
	kind := cmp.Or(a.Resource, "access_profile")
	switch {
	case kind != "access_profile":
	case row.UserID != nil:
		kind = "copy"
	case sentences["copies "+row.Action] != "" && many(row) != "":
		kind = "copies"
	}
	pattern := cmp.Or(sentences[kind+" "+a.doing(row.Action)], otherSentences[row.Action],
		strings.ReplaceAll(row.Action, "_", " ")+" {what}")
	what, href := subject(row)
	affected, affectedHref := whom(row, names)
	words := a.words(what, affected, differing)
	words["{kind}"] = cmp.Or(resources[kind].word, strings.ReplaceAll(kind, "_", " "))
	parts := []SentencePart{}
	for text := range strings.SplitSeq(pattern, "{") {
		name, rest, isPlace := strings.Cut(text, "}")
		switch {
		case !isPlace:
			parts = append(parts, SentencePart{Text: text})
			continue
		case name == "what":
			parts = append(parts, SentencePart{cmp.Or(what, "something"), href})
		case name == "usage":
			parts = append(parts, SentencePart{name, href})
		case name == "whom":
			parts = append(parts, SentencePart{cmp.Or(affected, "no user"), affectedHref})
		default:
			parts = append(parts, SentencePart{Text: words["{"+name+"}"]})
		}
		parts = append(parts, SentencePart{Text: rest})
	}
	return parts
}

// doing is the action, or what became of the end of direct copies by another role.
func (a about) doing(action string) string {
	if a.FromRole == nil || action != "update" {
		return action
	}
	return plural.Choose(*a.FromRole, "endless", "ends")
}

// words are what the places of a sentence say that are no links.
func (a about) words(what, affected string, differing []DifferenceRow) map[string]string {
	roles := a.Roles
	if len(roles) == 0 && a.Role != "" {
		roles = []string{a.Role}
	}
	labels := make([]string, len(differing))
	for i, d := range differing {
		labels[i] = d.Label
	}
	return map[string]string{
		"{name}":     cmp.Or(a.Name, what),
		"{decided}":  a.State,
		"{provider}": a.Provider,
		"{fields}":   cmp.Or(strings.ToLower(some(labels)), "values"),
		"{pushed}":   strings.ReplaceAll(some(a.Fields), "_", " "),
		"{roles}":    "the " + plural.Choose(len(roles) == 1, "role ", "roles ") + some(roles),
		"{default}":  plural.Choose(a.IsDefault, " by default", ""),
		"{given}":    plural.Choose(a.Given, ", and gave it to "+cmp.Or(affected, "no user"), ""),
		"{taken}":    plural.Choose(a.Taken, ", and from "+cmp.Or(affected, "no user"), ""),
		"{source}":   plural.Choose(a.Source == "role", " through their role", ""),
		"{version}":  plural.Count(a.ToVersion),
		"{limit}":    a.limit(),
		"{amount}":   ui.Dollars(a.Amount),
		"{lasting}":  a.lasting(),
		"{adjusted}": ui.Dollars(-a.Amount),
	}
}

// lasting says for how many windows a raise is, or until when.
func (a about) lasting() string {
	switch {
	case a.Until != nil:
		return " until " + ui.Moment(*a.Until)
	case a.Cycles == nil:
		return " for good"
	}
	return " for " + plural.Of(*a.Cycles, ui.Unit(a.ResetDuration))
}

var adjectives = map[string]string{
	"1h": "hourly", "1d": "daily", "1w": "weekly", "1M": "monthly", "1Q": "quarterly", "1Y": "yearly",
}

// limit names a budget: $60.00 daily budget for openai.
func (a about) limit() string {
	words := ui.Dollars(a.MaxLimit) + " " + adjectives[a.ResetDuration] + " budget"
	var scope policy.Scope
	if err := scope.UnmarshalText([]byte(a.Scope)); err == nil && !scope.Overall() {
		words += " for " + scope.Name()
	}
	return words
}

// some lists the first few: a, b, c and 2 more.
func some(names []string) string {
	const most = 3
	if len(names) > most+1 {
		return ui.Sequence(append(append([]string{}, names[:most]...), plural.Count(int64(len(names)-most))+" more"))
	}
	return ui.Sequence(names)
}
