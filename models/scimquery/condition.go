package scimquery

import (
	"strings"
	"time"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// Kind is how an attribute is compared.
type Kind int

// The kinds of attributes.
const (
	Exact  Kind = iota // text, as it is
	Folded             // text of which the column holds the folded form
	Caseless
	Truth
	Moment
	Present // of several parts, which are compared each by itself: there or not
)

// Column is where an attribute is stored. Of a list it selects the elements, and the elements are compared.
type Column struct {
	Expr string
	Kind Kind
	List string // FROM of the elements; Expr is of one of them
}

// Columns are the attributes that can be filtered by, in lower case.
type Columns map[string]Column

// Condition writes a filter as a condition. Values are bound, and names come from the list. Refusal: Invalid.
func (all Columns) Condition(f scim.Filter) (string, []any, error) {
	switch f.Op {
	case "and", "or":
		return all.joined(f)
	case "not":
		inner, args, err := all.Condition(f.Parts[0])
		return "NOT coalesce(" + inner + ", false)", args, err
	}
	c, known := all[f.Attr]
	if !known {
		return "", nil, unfiltered(f.Attr)
	}
	if f.Where == nil && c.List == "" {
		return c.compare(f)
	}
	if c.List == "" {
		return "", nil, unfiltered(f.Attr)
	}
	return all.element(c, f)
}

func unfiltered(attr string) error {
	return problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
		"Filter by an attribute that /Schemas lists; not by "+problem.Clip(attr)+" in this way.")
}

func (all Columns) joined(f scim.Filter) (string, []any, error) {
	var parts []string
	var args []any
	for _, part := range f.Parts {
		condition, values, err := all.Condition(part)
		if err != nil {
			return "", nil, err
		}
		parts, args = append(parts, condition), append(args, values...)
	}
	return "(" + strings.Join(parts, " "+f.Op+" ") + ")", args, nil
}

// element is a condition that an element of a list fits.
func (all Columns) element(c Column, f scim.Filter) (string, []any, error) {
	var conditions []string
	var args []any
	if f.Where != nil {
		parent, _, _ := strings.Cut(f.Attr, ".")
		of := Columns{}
		for name, inner := range all {
			if sub, ok := strings.CutPrefix(name, parent+"."); ok && inner.List == c.List {
				of[sub] = Column{Expr: inner.Expr, Kind: inner.Kind}
			}
		}
		where, values, err := of.Condition(*f.Where)
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, where), append(args, values...)
	}
	if f.Op != "has" {
		compared, values, err := Column{Expr: c.Expr, Kind: c.Kind}.compare(f)
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, compared), append(args, values...)
	}
	return "EXISTS (SELECT FROM " + c.List + " WHERE " + strings.Join(conditions, " AND ") + ")", args, nil
}

var operators = map[string]string{"eq": "=", "ne": "IS DISTINCT FROM", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}

func (c Column) compare(f scim.Filter) (string, []any, error) {
	absent := f.Value.Kind == input.Null && (f.Op == "eq" || f.Op == "ne")
	switch {
	case f.Op == "pr" || absent && f.Op == "ne":
		return c.present(), nil, nil
	case absent:
		return "NOT " + c.present(), nil, nil
	case f.Op == "has":
		return "", nil, unfiltered(f.Attr)
	}
	switch c.Kind {
	case Present:
		return "", nil, unfiltered(f.Attr)
	case Truth:
		return c.compareTruth(f)
	case Moment:
		at, err := time.Parse(time.RFC3339Nano, f.Value.Text)
		if operator, ok := operators[f.Op]; ok && err == nil && at.UTC().Year() > 0 { // the database has no year 0
			return c.Expr + " " + operator + " ?", []any{at.UTC()}, nil
		}
		return "", nil, problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
			"Compare "+f.Attr+" with a time such as 2026-11-23T16:00:00Z.")
	}
	return c.compareText(f)
}

// present is whether an attribute has a value. It is never null.
func (c Column) present() string {
	if c.Kind == Truth || c.Kind == Moment {
		return "true"
	}
	return "(coalesce(" + c.Expr + ", '') <> '')"
}

func (c Column) compareTruth(f scim.Filter) (string, []any, error) {
	want, ok := f.Value.Truth()
	if !ok || f.Op != "eq" && f.Op != "ne" {
		return "", nil, problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
			"Compare "+f.Attr+" with true or false, by eq or ne.")
	}
	return c.Expr + " = ?", []any{want == (f.Op == "eq")}, nil
}

func (c Column) compareText(f scim.Filter) (string, []any, error) {
	if f.Value.Kind != input.String {
		return "", nil, problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
			"Compare "+f.Attr+" with a text in quotes.")
	}
	expr, text, value := c.Expr, f.Value.Text, "?"
	switch c.Kind {
	case Folded:
		text = input.FoldCase(text)
	case Caseless:
		expr, value = "lower("+c.Expr+")", "lower(?)"
	}
	if operator, ok := operators[f.Op]; ok {
		return expr + " " + operator + " " + value, []any{text}, nil
	}
	pattern := database.LikeAnywhere(text)
	switch f.Op {
	case "sw":
		pattern = pattern[1:]
	case "ew":
		pattern = pattern[:len(pattern)-1]
	}
	return expr + " LIKE " + value, []any{pattern}, nil
}
