package provision

import (
	"strings"
	"time"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// kind is how an attribute is compared.
type kind int

const (
	exact  kind = iota // text, as it is
	folded             // text of which the column holds the folded form
	caseless
	truth
	moment
)

// column is where an attribute is stored. Of a list it selects the elements, and the elements are compared.
type column struct {
	expr string
	kind kind
	list string // FROM of the elements; expr is of one of them
}

// columnsOf are the attributes that can be filtered by, in lower case.
type columnsOf map[string]column

var userColumns = columnsOf{
	"id": {expr: "s.user_id"}, "externalid": {expr: "s.external_id"}, "username": {expr: "s.user_name_key", kind: folded},
	"active":                    {expr: "(u.deactivated_at IS NULL)", kind: truth},
	"displayname":               {expr: "(s.document ->> 'displayName')", kind: caseless},
	"name.formatted":            {expr: "(s.document #>> '{name,formatted}')", kind: caseless},
	"name.familyname":           {expr: "(s.document #>> '{name,familyName}')", kind: caseless},
	"name.givenname":            {expr: "(s.document #>> '{name,givenName}')", kind: caseless},
	"enterprise.department":     {expr: "(s.document #>> '{enterprise,department}')", kind: caseless},
	"enterprise.costcenter":     {expr: "(s.document #>> '{enterprise,costCenter}')", kind: caseless},
	"enterprise.employeenumber": {expr: "(s.document #>> '{enterprise,employeeNumber}')", kind: caseless},
	"meta.created":              {expr: "s.created_at", kind: moment},
	"meta.lastmodified":         {expr: "s.updated_at", kind: moment},
	"emails":                    {expr: "(e ->> 'value')", kind: caseless, list: emails},
	"emails.value":              {expr: "(e ->> 'value')", kind: caseless, list: emails},
	"emails.type":               {expr: "(e ->> 'type')", kind: caseless, list: emails},
	"emails.primary":            {expr: "coalesce((e ->> 'primary')::boolean, false)", kind: truth, list: emails},
}

const emails = "jsonb_array_elements(s.document -> 'emails') AS e"

// condition writes a filter as a condition. Values are bound, and names come from the list. Refusal: Invalid.
func (all columnsOf) condition(f scim.Filter) (string, []any, error) {
	switch f.Op {
	case "and", "or":
		return all.joined(f)
	case "not":
		inner, args, err := all.condition(f.Parts[0])
		return "NOT coalesce(" + inner + ", false)", args, err
	}
	c, known := all[f.Attr]
	if !known {
		return "", nil, unfiltered(f.Attr)
	}
	if f.Where == nil && c.list == "" {
		return c.compare(f)
	}
	if c.list == "" {
		return "", nil, unfiltered(f.Attr)
	}
	return all.element(c, f)
}

func unfiltered(attr string) error {
	return problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
		"Filter by an attribute that /Schemas lists; not by "+problem.Clip(attr)+" in this way.")
}

func (all columnsOf) joined(f scim.Filter) (string, []any, error) {
	var parts []string
	var args []any
	for _, part := range f.Parts {
		condition, values, err := all.condition(part)
		if err != nil {
			return "", nil, err
		}
		parts, args = append(parts, condition), append(args, values...)
	}
	return "(" + strings.Join(parts, " "+f.Op+" ") + ")", args, nil
}

// element is a condition that an element of a list fits.
func (all columnsOf) element(c column, f scim.Filter) (string, []any, error) {
	var conditions []string
	var args []any
	if f.Where != nil {
		parent, _, _ := strings.Cut(f.Attr, ".")
		of := columnsOf{}
		for name, inner := range all {
			if sub, ok := strings.CutPrefix(name, parent+"."); ok && inner.list == c.list {
				of[sub] = column{expr: inner.expr, kind: inner.kind}
			}
		}
		where, values, err := of.condition(*f.Where)
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, where), append(args, values...)
	}
	if f.Op != "has" {
		compared, values, err := column{expr: c.expr, kind: c.kind}.compare(f)
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, compared), append(args, values...)
	}
	return "EXISTS (SELECT FROM " + c.list + " WHERE " + strings.Join(conditions, " AND ") + ")", args, nil
}

var operators = map[string]string{"eq": "=", "ne": "IS DISTINCT FROM", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}

func (c column) compare(f scim.Filter) (string, []any, error) {
	absent := f.Value.Kind == input.Null && (f.Op == "eq" || f.Op == "ne")
	switch {
	case f.Op == "pr" || absent && f.Op == "ne":
		return c.present(), nil, nil
	case absent:
		return "NOT " + c.present(), nil, nil
	case f.Op == "has":
		return "", nil, unfiltered(f.Attr)
	}
	switch c.kind {
	case truth:
		return c.compareTruth(f)
	case moment:
		at, err := time.Parse(time.RFC3339Nano, f.Value.Text)
		if operator, ok := operators[f.Op]; ok && err == nil {
			return c.expr + " " + operator + " ?", []any{at.UTC()}, nil
		}
		return "", nil, problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
			"Compare "+f.Attr+" with a time such as 2026-11-23T16:00:00Z.")
	}
	return c.compareText(f)
}

// present is whether an attribute has a value. It is never null.
func (c column) present() string {
	if c.kind == truth || c.kind == moment {
		return "true"
	}
	return "(coalesce(" + c.expr + ", '') <> '')"
}

func (c column) compareTruth(f scim.Filter) (string, []any, error) {
	want, ok := f.Value.Truth()
	if !ok || f.Op != "eq" && f.Op != "ne" {
		return "", nil, problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
			"Compare "+f.Attr+" with true or false, by eq or ne.")
	}
	return c.expr + " = ?", []any{want == (f.Op == "eq")}, nil
}

func (c column) compareText(f scim.Filter) (string, []any, error) {
	if f.Value.Kind != input.String {
		return "", nil, problem.Refuse(problem.Invalid, "filter", scim.InvalidFilter,
			"Compare "+f.Attr+" with a text in quotes.")
	}
	expr, text, value := c.expr, f.Value.Text, "?"
	switch c.kind {
	case folded:
		text = input.FoldCase(text)
	case caseless:
		expr, value = "lower("+c.expr+")", "lower(?)"
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
