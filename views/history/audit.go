package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"tollgate/models/audit"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// AuditPage is the audit log with what it is filtered by.
type AuditPage struct {
	Path                                string
	UserName                            string // of UserID
	Action, Actor, Since, Until, UserID string
	Resource, Search                    string
	Rows                                []AuditRow
	Pager                               ui.Pager
	Filtered                            bool
	Kept                                []ui.Field       // what the filters send besides their own fields
	KeptSince                           time.Time        // zero when no row was dropped
	Export                              string           // path of the file, with the same filters
	Problems                            problem.Problems // with what was asked for; then there are no rows
	WithoutUser                         string           // the same page for all users
	RowID, WithoutRow                   string           // the one row shown, and the same page for all rows
}

// wrong is the first problem with a field of the filters.
func (p AuditPage) wrong(field string) string { return ui.FirstAt(p.Problems, field) }

func (p AuditPage) summary() []ui.ProblemLink {
	return ui.LinksTo(p.Problems, "resource", "action", "since", "until")
}

func (p AuditPage) actions() []ui.Option {
	options := []ui.Option{{Label: "Every action"}}
	for _, action := range audit.Actions {
		options = append(options, ui.Option{
			Value: action, Label: strings.ReplaceAll(action, "_", " "), Chosen: action == p.Action,
		})
	}
	return options
}

func (p AuditPage) resources() []ui.Option {
	options := []ui.Option{{Label: "Everything"}}
	for _, resource := range audit.Resources {
		options = append(options, ui.Option{
			Value: resource, Label: resources[resource].word, Chosen: resource == p.Resource,
		})
	}
	return options
}

// AuditRow is one change: who, when, what in a sentence, and what differs.
type AuditRow struct {
	ID, Actor, When, Exact string
	Origin                 string // the door, and the API key
	Sentence               []SentencePart
	Note                   string // why, in the words of the actor
	Differences            []DifferenceRow
}

// AuditRows writes rows of the audit log out; names are those of the users affected, by their id.
func AuditRows(rows []audit.Entry, offered catalogue.Catalogue, names map[string]string, now time.Time) []AuditRow {
	out := make([]AuditRow, len(rows))
	for i, row := range rows {
		out[i] = AuditRow{
			ID: strconv.FormatInt(row.ID, 10), Actor: row.Actor,
			When: ui.Ago(row.CreatedAt, now), Exact: ui.Exact(row.CreatedAt), Origin: origin(row.Origin),
		}
		differing := changes(row, offered)
		out[i].Sentence, out[i].Note = sentence(row, names, differing), noteOf(row)
		out[i].Differences = append(differing, holderDetails(row)...)
	}
	return out
}

// noteOf is what the actor said why.
func noteOf(row audit.Entry) string {
	var of struct {
		Note string `json:"note"`
	}
	if row.Metadata != nil {
		_ = database.ReadDocument([]byte(*row.Metadata), &of) // of another shape it has no note
	}
	return of.Note
}

// origin says by which door a change came, and by which API key.
func origin(o audit.Origin) string {
	if o.Door == nil {
		return ""
	}
	words := map[string]string{
		permission.DoorConsole: "by the console", permission.DoorAPI: "by the API", permission.DoorCLI: "by the command line",
		permission.DoorSCIM: "by SCIM",
	}[*o.Door]
	if o.APIKeyName != nil && o.APIKeyPrefix != nil {
		words += ", key " + *o.APIKeyName + " (" + *o.APIKeyPrefix + "…)"
	}
	return words
}

// subject names what a row is about, and where it is if it can be looked at.
func subject(row audit.Entry) (what, href string) {
	var document struct {
		Name          string `json:"name"`
		Resource      string `json:"resource"`
		ID            string `json:"id"`
		AccessProfile string `json:"access_profile"`
	}
	for _, text := range []*string{row.Metadata, row.PreviousValues, row.NewValues} {
		if text != nil {
			// A document of another shape leaves what is known so far.
			_ = database.ReadDocument([]byte(*text), &document)
		}
	}
	switch {
	case row.AccessProfileID == nil:
		return resource(row, document.Resource, document.ID, document.Name)
	case row.Action == "delete":
		return document.Name, ""
	}
	return cmp.Or(document.AccessProfile, document.Name), policytext.ProfileHref(*row.AccessProfileID)
}

// changes is what differs between the values before and after: in the words of a profile, or member by member of any
// other document.
func changes(row audit.Entry, offered catalogue.Catalogue) []DifferenceRow {
	switch {
	case row.Action == "attach_role", row.Action == "detach_role", row.Action == "propagate":
		return nil
	case row.AccessProfileID == nil, ofCopy(row):
		return memberDifferences(members(row.PreviousValues), members(row.NewValues))
	}
	var before, after profile.Profile
	for text, shown := range map[*string]*profile.Profile{row.PreviousValues: &before, row.NewValues: &after} {
		if text != nil && database.ReadDocument([]byte(*text), shown) != nil {
			return memberDifferences(members(row.PreviousValues), members(row.NewValues))
		}
	}
	differences := Differences(before, after, offered)
	for i := range differences {
		if row.PreviousValues == nil {
			differences[i].Before = nil
		}
		if row.NewValues == nil {
			differences[i].After = nil
		}
	}
	return differences
}

func members(text *string) map[string][]string {
	if text == nil {
		return nil
	}
	var document map[string]any
	if database.ReadDocument([]byte(*text), &document) != nil {
		return map[string][]string{"value": {*text}}
	}
	lines := map[string][]string{}
	for name, value := range document {
		switch v := value.(type) {
		case nil:
		case []any:
			for _, item := range v {
				lines[name] = append(lines[name], compact(item))
			}
		default:
			lines[name] = []string{compact(v)}
		}
	}
	return lines
}

func compact(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

func memberDifferences(before, after map[string][]string) []DifferenceRow {
	names := map[string]bool{}
	for _, side := range []map[string][]string{before, after} {
		for name := range side {
			names[name] = true
		}
	}
	var rows []DifferenceRow
	for name := range names {
		if a, b := before[name], after[name]; name != "updated_at" && !slices.Equal(a, b) {
			rows = append(rows, difference(cmp.Or(memberLabels[name], strings.ReplaceAll(name, "_", " ")), a, b))
		}
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Label < rows[j].Label })
	return rows
}

// memberLabels call members by other words than their names.
var memberLabels = map[string]string{"expires_at": "end", "from_role": "comes with their role"}

// AuditCells is a row as a line of a table.
func AuditCells(row audit.Entry) []string {
	number := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return []string{
		strconv.FormatInt(row.ID, 10), row.CreatedAt.Format(time.RFC3339Nano), row.Actor, row.Action,
		number(row.AccessProfileID),
		text(row.UserID), text(row.PreviousValues), text(row.NewValues), text(row.Metadata),
		text(row.Door), text(row.APIKeyName), text(row.APIKeyPrefix),
	}
}
