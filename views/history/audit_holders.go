package history

import (
	"cmp"
	"slices"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// aboutHolders are the actions that concern who holds a profile: what they did stands in the row's metadata too.
var aboutHolders = []string{
	"assign", "unassign", "attach_role", "detach_role", "propagate", "override_set", "override_clear",
}

// detailLabels are the members of the metadata that are shown, in order. Lists of users are counted: there may be
// thousands.
var detailLabels = []struct {
	name, label string
	counted     bool
}{
	{"roles", "Roles", false},
	{"role", "Role", false},
	{"is_default", "Default", false},
	{"apply_to_existing", "Applied to existing", false},
	{"remove_from_users", "Taken from holders", false},
	{"role_deleted", "Role deleted", false},
	{"source", "Source", false},
	{"to_version", "Version", false},
	{"fields", "Fields", false},
	{"reset_usage", "Usage reset", false},
	{"user_ids", "Users", true},
	{"already_held_by", "Held it already", true},
	{"still_held_by", "Keep it", true},
	{"expired_for", "Expired", true},
	{"endless_for", "No longer ends", true},
	{"scope", "Scope", false},
	{"reset_duration", "Window", false},
	{"max_limit", "Limit", false},
	{"keys", "Keys issued", false},
	{"deleted_keys", "Keys deleted", false},
}

// holderDetails writes out what a row says of holders beside the values before and after.
func holderDetails(row audit.Entry) []DifferenceRow {
	if row.Metadata == nil || !slices.Contains(aboutHolders, row.Action) {
		return nil
	}
	var metadata map[string]any
	if database.ReadDocument([]byte(*row.Metadata), &metadata) != nil {
		return nil
	}
	var rows []DifferenceRow
	for _, detail := range detailLabels {
		list, isList := metadata[detail.name].([]any)
		switch {
		case metadata[detail.name] == nil, isList && len(list) == 0:
		case detail.counted:
			rows = append(rows, DifferenceRow{
				Label: detail.label, After: []ui.DiffLine{ui.PlainLine(plural.Of(len(list), "user"))},
			})
		case isList:
			line := DifferenceRow{Label: detail.label}
			for _, item := range list {
				line.After = append(line.After, ui.PlainLine(compact(item)))
			}
			rows = append(rows, line)
		default:
			rows = append(rows, DifferenceRow{
				Label: detail.label, After: []ui.DiffLine{ui.PlainLine(detailWords(detail.name, metadata[detail.name]))},
			})
		}
	}
	return rows
}

// ofCopy reports whether a row's values are those of a copy's own state, or of several, not of a policy.
func ofCopy(row audit.Entry) bool {
	if row.UserID == nil {
		return row.Action == "update" && many(row) != ""
	}
	return !slices.Contains([]string{"assign", "unassign"}, row.Action)
}

// whom names the user that a row is about, and where they are.
func whom(row audit.Entry, names map[string]string) (name, href string) {
	switch {
	case row.UserID == nil:
		return many(row), ""
	case names[*row.UserID] == "":
		return "a user who is gone", ""
	}
	return names[*row.UserID], "/users/" + *row.UserID
}

// many counts the users that a row is about.
func many(row audit.Entry) string {
	var about struct {
		UserIDs []string `json:"user_ids"`
	}
	if row.Metadata == nil || database.ReadDocument([]byte(*row.Metadata), &about) != nil || len(about.UserIDs) == 0 {
		return ""
	}
	return plural.Of(len(about.UserIDs), "user")
}

// resources are the kinds of things that the log names, by what it calls them: the word for one, and where it is looked
// at, "" for profiles, which rows name by themselves, and for what has no page of its own.
var resources = map[string]struct{ word, path string }{
	"access_profile": {"profile", ""}, "user": {"user", "/users/"}, "role": {"role", "/roles/"},
	"virtual_key": {"virtual key", ""}, "api_key": {"API key", ""}, "provider": {"provider", "/providers/"},
	"mcp_client": {"MCP server", "/mcp/clients/"}, "tool_group": {"tool group", "/mcp/tool-groups/"},
	"identity_provider": {"identity provider", "/settings/sign-in/"},
	"scim_connection":   {"SCIM connection", "/settings/provisioning/"}, "scim_token": {"SCIM token", ""},
	"scim_group": {"group", ""}, "role_rules": {"roles of the groups of", "/settings/provisioning/"},
	"sign_in_link": {"sign-in link", ""}, "access_request": {"access request", ""}, "setting": {"setting", ""},
	"usage_event": {"charge", ""}, settledUsage: {"usage of unknown keys", "/usage/quarantine/"},
}

// settledUsage is the one resource that still has a page after its "delete": a dismissed event stays.
const settledUsage = "quarantined_usage"

// resource names something that a row without a profile is about, and where it is while it is there.
func resource(row audit.Entry, kind, id, name string) (what, href string) {
	what = cmp.Or(name, id)
	if path := resources[kind].path; path != "" && id != "" && (row.Action != "delete" || kind == settledUsage) {
		href = path + id
	}
	return what, href
}

// detailWords writes a member of the metadata as the pages write such things.
func detailWords(name string, value any) string {
	text := compact(value)
	switch name {
	case "scope":
		var scope policy.Scope
		if err := scope.UnmarshalText([]byte(text)); err == nil {
			return policytext.ScopeWord(scope)
		}
	case "reset_duration":
		return "per " + ui.Unit(text)
	case "max_limit":
		if amount, err := money.ParseMoney(text); err == nil {
			return ui.Dollars(amount)
		}
	}
	return plural.Choose(text == "true", "yes", plural.Choose(text == "false", "no", text))
}

// UsersAffected are the ids of those whom rows are about, each once.
func UsersAffected(rows []audit.Entry) []string {
	ids := []string{}
	for _, row := range rows {
		if row.UserID != nil {
			ids = append(ids, *row.UserID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
