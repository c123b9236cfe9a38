package models

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// PropagationInput is what a client may send to push groups of a template's fields to its copies. Groups of people are roles here. The form
// names people by their email addresses.
type PropagationInput struct {
	Row
	Fields     List[Value] `json:"fields"`
	DryRun     Value       `json:"dry_run"`
	UserIDs    List[Value] `json:"user_ids"`
	GroupIDs   List[Value] `json:"group_ids"`
	ResetUsage Value       `json:"reset_usage"`
	Emails     List[Value] `form:"emails"`
}

// Whole makes an input of a form, where addresses stand on lines.
func (in PropagationInput) Whole() PropagationInput {
	in.Emails = split(in.Emails, "\n")
	return in
}

var digits = regexp.MustCompile(`^[0-9]+$`)

const (
	maxUsersNamed  = 10_000
	maxGroupsNamed = 1_000
)

// propagation is a PropagationInput that was read: which fields go to which copies.
type propagation struct {
	fields []string
	reset  bool
	users  []string // ids; with groups, none of both means everybody
	groups []int64
}

func (p propagation) narrowed() bool { return len(p.users)+len(p.groups) > 0 }

// DryRunWanted reports whether nothing is to be applied.
func (in PropagationInput) DryRunWanted() bool { return in.DryRun.Given() && in.DryRun.Text == "true" }

// read checks the input, with what it names. Refusal: Invalid.
func (in PropagationInput) read(ctx context.Context, db bun.IDB) (propagation, error) {
	var p propagation
	c := &checker{}
	p.fields = c.fieldGroups(in.Fields)
	c.truth("dry_run", in.DryRun)
	users := c.ids("user_ids", in.UserIDs, maxUsersNamed, "users")
	if list(c, "group_ids", in.GroupIDs, maxGroupsNamed, "groups") {
		for i, v := range in.GroupIDs.Items {
			if v.Kind == Null {
				c.add(at("group_ids", i), "null_not_allowed", "Give a group's id instead of null.")
			}
			v.Typed = v.Typed || v.Kind == String && digits.MatchString(v.Text) // the reference's ids are text
			if id, ok := c.count(at("group_ids", i), v, "the group's id", 1, MaxCount); ok {
				p.groups = append(p.groups, id)
			}
		}
	}
	p.reset, _ = c.truth("reset_usage", in.ResetUsage)
	if len(in.Emails.Items) > maxUsersNamed {
		c.add("emails", "too_many_items", "Name at most 10000 people.")
	}
	if err := invalid(c.found); err != nil {
		return p, err
	}
	if err := c.knownUsers(ctx, db, users, "user_ids", "id"); err != nil {
		return p, err
	}
	if err := c.knownGroups(ctx, db, p.groups); err != nil {
		return p, err
	}
	emails := make([]string, len(in.Emails.Items))
	for i, v := range in.Emails.Items {
		emails[i] = FoldCase(strings.TrimSpace(v.Text))
	}
	if err := c.knownUsers(ctx, db, emails, "emails", "email_key"); err != nil {
		return p, err
	}
	if err := invalid(c.found); err != nil {
		return p, err
	}
	p.users = users
	if len(emails) > 0 {
		var named []string
		if err := db.NewRaw("SELECT id FROM users WHERE email_key = ANY (?)", pgdialect.Array(emails)).Scan(ctx, &named); err != nil {
			return p, fmt.Errorf("look up users by email: %w", err)
		}
		p.users = append(p.users, named...)
	}
	slices.Sort(p.users)
	p.users = slices.Compact(p.users)
	return p, nil
}

// fieldGroups reads which groups of fields are meant, and puts them into their order.
func (c *checker) fieldGroups(l List[Value]) []string {
	const field = "fields"
	readable := list(c, field, l, 100, "fields")
	if len(l.Items) == 0 && (readable || l.Kind == Absent) {
		c.add(field, "required", "Choose what to push: at least one of the fields of a profile.")
	}
	if !readable {
		return nil
	}
	chosen := map[string]bool{}
	for i, v := range l.Items {
		switch {
		case v.Kind == Null:
			c.add(at(field, i), "null_not_allowed", "Name a group of fields instead of null.")
		case v.Kind != String:
			c.add(at(field, i), "wrong_type", "Name a group of fields as text.")
		case !slices.Contains(FieldGroups, v.Text):
			c.add(at(field, i), "invalid_field", "Choose "+Either(FieldGroups)+".")
		case chosen[v.Text]:
			c.add(at(field, i), "duplicate_field", "Name "+v.Text+" once.")
		}
		chosen[v.Text] = true
	}
	return slices.DeleteFunc(slices.Clone(FieldGroups), func(name string) bool { return !chosen[name] })
}

// ids reads a list of ids that are text.
func (c *checker) ids(field string, l List[Value], most int, what string) []string {
	ids := []string{}
	if !list(c, field, l, most, what) {
		return ids
	}
	for i, v := range l.Items {
		switch v.Kind {
		case Null:
			c.add(at(field, i), "null_not_allowed", "Give an id instead of null.")
		case String:
			ids = append(ids, v.Text)
		default:
			c.add(at(field, i), "wrong_type", "Give the id as text.")
		}
	}
	return ids
}

// knownUsers notes those of the values that no user has in the column.
func (c *checker) knownUsers(ctx context.Context, db bun.IDB, values []string, field, column string) error {
	if len(values) == 0 {
		return nil
	}
	askable := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !storable(v) })
	var rows []string
	err := db.NewSelect().Table("users").Column(column).Where("? = ANY (?)", bun.Ident(column), pgdialect.Array(askable)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("look up users: %w", err)
	}
	known := make(map[string]bool, len(rows))
	for _, row := range rows {
		known[row] = true
	}
	for i, value := range values {
		if !known[value] {
			c.add(at(field, i), "unknown_user", "Name users that exist; "+strconv.Quote(clip(value))+" is none.")
		}
	}
	return nil
}

func (c *checker) knownGroups(ctx context.Context, db bun.IDB, groups []int64) error {
	if len(groups) == 0 {
		return nil
	}
	var known []int64
	if err := db.NewRaw("SELECT id FROM roles WHERE id = ANY (?)", pgdialect.Array(groups)).Scan(ctx, &known); err != nil {
		return fmt.Errorf("look up roles: %w", err)
	}
	for i, id := range groups {
		if !slices.Contains(known, id) {
			c.add(at("group_ids", i), "unknown_group", "Name groups that exist, by the id of a role.")
		}
	}
	return nil
}

// Target is a copy that a push is for.
type Target struct {
	ID            int64
	UserID        string
	Name, Email   string // the holder's
	PolicyID      int64
	IsActive      bool
	ExpiresAt     *time.Time
	GroupVersions []int64 `bun:",array"`
	Calendar      `bun:",extend"`
}

// Why a copy is left out.
const (
	skipInactive = "inactive"
	skipExpired  = "expired"
	skipNoCopy   = "no_copy"
	skipGone     = "gone"
)

// skip says why a copy is left out, "" when it is not.
func (t Target) skip(now time.Time) string {
	switch {
	case !t.IsActive:
		return skipInactive
	case t.ExpiresAt != nil && !t.ExpiresAt.After(now):
		return skipExpired
	}
	return ""
}

func selectTargets(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("user_access_profiles AS c").Join("JOIN users AS u ON u.id = c.user_id").
		Join("JOIN policies AS p ON p.id = c.policy_id").
		Column("c.id", "c.user_id", "u.name", "u.email", "c.policy_id", "c.is_active", "c.group_versions", "p.calendar_aligned", "p.time_zone").
		ColumnExpr("CASE WHEN NOT c.from_role THEN c.expires_at END AS expires_at")
}

// targets are the copies chosen, in the order of their ids.
func (p propagation) targets(ctx context.Context, db bun.IDB, profileID int64) ([]Target, error) {
	var targets []Target
	query := selectTargets(db).Where("c.access_profile_id = ?", profileID)
	if p.narrowed() {
		query = query.Where("(c.user_id = ANY (?) OR u.role_id = ANY (?))", pgdialect.Array(p.users), pgdialect.Array(p.groups))
	}
	if err := query.Order("c.id").Scan(ctx, &targets); err != nil {
		return nil, fmt.Errorf("look up copies of access profile %d: %w", profileID, err)
	}
	return targets, nil
}

// withoutCopy are the users named that hold no copy.
func (p propagation) withoutCopy(targets []Target) []string {
	holds := make(map[string]bool, len(targets))
	for _, t := range targets {
		holds[t.UserID] = true
	}
	return slices.DeleteFunc(slices.Clone(p.users), func(id string) bool { return holds[id] })
}
