package models

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/text/unicode/norm"
)

// CatalogueQuery says which part of a list of providers, MCP servers or tool groups is shown.
type CatalogueQuery struct {
	Limit, Offset int64 // Limit is 1 to 100
	Search        string
}

var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// formSegment stands where an identifier stands in the console's addresses, so nothing can be named so.
const formSegment = "new"

// identifier reads a name that addresses are made of. It is never trimmed.
func (c *checker) identifier(field string, v Value, what string) (string, bool) {
	switch {
	case v.Kind == Absent:
		return "", false
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Enter "+what+" instead of null.")
	case v.Kind != String:
		c.add(field, "wrong_type", "Give "+what+" as text.")
	case v.Text == "":
		c.add(field, "required", "Enter "+what+".")
	case v.Text == formSegment:
		c.add(field, "invalid_name", `Choose another name: "new" is an address of the console.`)
	case !identifier.MatchString(v.Text):
		c.add(field, "invalid_name", "Use 1 to 64 of the characters a–z 0–9 . _ - and start with a letter or digit.")
	default:
		return v.Text, true
	}
	return "", false
}

// fixed notes an identifier that was sent and differs from the stored one.
func (c *checker) fixed(field string, v Value, stored string) {
	if v.Kind != Absent && (v.Kind != String || v.Text != stored) {
		c.add(field, "read_only", "Leave this as it is: it cannot be changed once created.")
	}
}

// modelNames reads a list of models of a provider, each once. With star, "*" may stand for all of them.
func (c *checker) modelNames(field, provider string, l List[Value], star bool) []string {
	names := []string{}
	if !list(c, field, l, maxModels, "models") {
		return names
	}
	seen := map[string]bool{}
	for i, v := range l.Items {
		name := v.Text
		if !star || v.Kind != String || name != "*" {
			name = c.modelName(at(field, i), provider, v)
		}
		if name == "" {
			continue
		}
		if seen[name] {
			c.add(at(field, i), "duplicate_model", "List "+clip(name)+" once.")
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// modelName reads the name of a model of a provider exactly as it is written; "" when it is none.
func (c *checker) modelName(field, provider string, v Value) string {
	c.required(field, v, "a model name")
	name, ok := c.text(field, v, textRule{what: "a model name", max: longestModel, exact: true})
	if !ok {
		return ""
	}
	problem := modelNameProblem(name)
	if problem == "" {
		problem = modelNameProblem(bareModel(provider, name))
	}
	switch {
	case problem == "":
		return name
	case tidy(name) != name:
		c.add(field, "invalid_characters", problem)
	default:
		c.add(field, "invalid_model", problem)
	}
	return ""
}

// toolNames reads a list of tools, each once. With star, "*" may stand for all of them.
func (c *checker) toolNames(field string, l List[Value], star bool) []string {
	names := []string{}
	if !list(c, field, l, maxMCPRows, "tools") {
		return names
	}
	seen := map[string]bool{}
	for i, v := range l.Items {
		name := v.Text
		if !star || v.Kind != String || name != "*" {
			name = c.toolName(at(field, i), v, "", nil)
		}
		if name == "" {
			continue
		}
		if seen[name] {
			c.add(at(field, i), "duplicate_tool", "List "+name+" once.")
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// listCatalogue reads one page of T and how many rows match in all. The condition has ?0 for the text searched.
func listCatalogue[T any](ctx context.Context, db bun.IDB, q CatalogueQuery, order, condition string) ([]T, int64, error) {
	rows := []T{}
	query := db.NewSelect().Model(&rows)
	if q.Search != "" {
		query = query.Where(condition, likeAnywhere(q.Search))
	}
	total, err := query.Order(order).Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list %T: %w", rows, err)
	}
	return rows, total, nil
}

// likeAnywhere is the ILIKE pattern of texts that contain search; % and _ stand for themselves.
func likeAnywhere(search string) string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	return "%" + escape.Replace(norm.NFC.String(search)) + "%"
}

// databaseClock reads the clock that rows are dated by.
func databaseClock(ctx context.Context, db bun.IDB) (time.Time, error) {
	var now time.Time
	if err := db.NewRaw("SELECT clock_timestamp()").Scan(ctx, &now); err != nil {
		return now, fmt.Errorf("read the clock: %w", err)
	}
	return now.UTC().Truncate(time.Microsecond), nil
}

// countOf is a count with its noun: 1 profile, 2 profiles.
func countOf[N int | int64](n N, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return strconv.FormatInt(int64(n), 10) + " " + plural
}
