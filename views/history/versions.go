package history

import (
	"slices"
	"strconv"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/plural"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// VersionRow is one version of the list.
type VersionRow struct {
	Number, Name, By, When, Exact string
	Note                          string
	Current                       bool
}

// VersionList is a profile's versions.
type VersionList struct {
	Rows  []VersionRow
	Pager ui.Pager
}

// VersionsOf writes versions out; current is the newest.
func VersionsOf(versions []profile.Version, current int64, now time.Time, pager ui.Pager) VersionList {
	list := VersionList{Pager: pager}
	for _, v := range versions {
		list.Rows = append(list.Rows, VersionRow{
			Number: strconv.FormatInt(v.Version, 10), Name: v.Name, By: v.ChangedBy, When: ui.Ago(v.CreatedAt, now),
			Exact:   ui.Exact(v.CreatedAt),
			Note:    v.Note,
			Current: v.Version == current,
		})
	}
	return list
}

// Comparison is two versions side by side.
type Comparison struct {
	Href              string // of the profile
	From, To, Current int64
	Rows              []DifferenceRow
	MayRestore        bool
	Active            bool // the profile, now
}

func (c Comparison) number(n int64) string { return strconv.FormatInt(n, 10) }

// Title names what is compared; a version that stands alone is the current one, or the same was chosen twice.
func (c Comparison) Title() string {
	if c.From == c.To {
		return "Version " + c.number(c.From)
	}
	return "Version " + c.number(c.From) + " and version " + c.number(c.To)
}

// same says why there is nothing to compare.
func (c Comparison) same() string {
	switch {
	case c.From != c.To:
		return "Nothing differs between these versions."
	case c.To == c.Current:
		return "Version " + c.number(c.To) + " is the current one."
	}
	return "Choose two versions to compare."
}

// restorable reports whether the older side can be restored: its policy differs from the current version.
func (c Comparison) restorable() bool {
	return c.stateOnly() == "" && c.MayRestore && c.To == c.Current && c.From != c.Current && len(c.Rows) > 0
}

// stateOnly says what to do about versions that differ in the state alone, which restoring does not change.
func (c Comparison) stateOnly() string {
	if c.To != c.Current || len(c.Rows) != 1 || c.Rows[0].Label != stateLabel {
		return ""
	}
	return "Only the state differs, which restoring does not change. " + plural.Choose(c.Active, "Archive", "Unarchive") +
		" the profile to change it."
}

// stateStays says what restoring does to the state.
func (c Comparison) stateStays() string {
	return "The profile stays " + plural.Choose(c.Active, "active", "archived") + ", whatever it was in that version."
}

// DifferenceRow is a field that differs, as lines of words.
type DifferenceRow struct {
	Label         string
	Before, After []ui.DiffLine
}

func difference(label string, before, after []string) DifferenceRow {
	row := DifferenceRow{Label: label}
	row.Before, row.After = ui.CompareLines(before, after)
	return row
}

const stateLabel = "State"

// fieldLabels are the fields of a profile in the order of its form.
var fieldLabels = []struct{ name, label string }{
	{"name", "Name"},
	{"description", "Description"},
	{"is_active", stateLabel},
	{"tags", "Tags"},
	{"provider_configs", "Providers"},
	{"budgets", "Overall budgets"},
	{"rate_limit", "Overall rate limit"},
	{"calendar_aligned", "Windows"},
	{"fail_open_for", "Without the database"},
	{"mcp_tool_groups", "Tool groups"},
	{"mcp_servers", "MCP servers"},
	{"mcp_tool_overrides", "Single tools"},
}

// Differences compares two profiles field by field in words.
func Differences(before, after profile.Profile, offered catalogue.Catalogue) []DifferenceRow {
	was, is := policytext.FieldLines(before, offered), policytext.FieldLines(after, offered)
	was["is_active"], is["is_active"] = stateLine(before), stateLine(after)
	var rows []DifferenceRow
	for _, field := range fieldLabels {
		if a, b := was[field.name], is[field.name]; !slices.Equal(a, b) {
			rows = append(rows, difference(field.label, a, b))
		}
	}
	return rows
}

func stateLine(p profile.Profile) []string {
	if p.IsActive {
		return []string{"active"}
	}
	return []string{"archived"}
}
