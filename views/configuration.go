package views

import (
	"net/url"
	"strconv"
)

// ConfigDrift is the page of what was changed in the console since files were applied.
type ConfigDrift struct {
	Set  string // the one that is shown, "" for all
	Rows []ConfigDriftRow
}

// Nothing says that there is no drift.
func (d ConfigDrift) Nothing() string {
	if d.Set != "" {
		return "Everything of this set is as its files say."
	}
	return "Nothing differs from files of configuration."
}

// ConfigDriftRow is one resource.
type ConfigDriftRow struct {
	N                         int // its place on the page
	Kind, Name, Set, Document string
	Gone                      string // why it is not here any more; "" of what is
	Fields                    []ConfigDriftField
}

// ConfigDriftField is a field as the files and as the console have it.
type ConfigDriftField struct{ Field, Before, After string }

// ID is the id of its document on the page.
func (r ConfigDriftRow) ID() string { return "document-" + strconv.Itoa(r.N) }

// SetQuery is the set as a parameter.
func (r ConfigDriftRow) SetQuery() string { return url.QueryEscape(r.Set) }
