package propagation

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

	"tollgate/models/addresses"
	"tollgate/models/fieldgroup"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/secret"
	"tollgate/models/window"
)

// Input is what a client may send to propagate groups of a profile's fields to its copies. Groups of users are roles
// here. The form names users by their email addresses.
type Input struct {
	input.Row
	Fields     input.List[input.Value] `json:"fields"`
	DryRun     input.Value             `json:"dry_run"`
	UserIDs    input.List[input.Value] `json:"user_ids"`
	GroupIDs   input.List[input.Value] `json:"group_ids"`
	ResetUsage input.Value             `json:"reset_usage"`
	Emails     input.List[input.Value] `form:"emails"`
	Preview    input.Value             `form:"preview"` // token of the preview, which is applied once
}

// Whole reads a form, with addresses as they were pasted: each becomes an item.
func (in Input) Whole() Input {
	pasted := in.Emails.Items
	in.Emails = input.List[input.Value]{Kind: input.Array}
	for _, v := range pasted {
		for _, e := range named(v) {
			in.Emails.Items = append(in.Emails.Items, input.FormValue(e.Text))
		}
	}
	return in
}

// named are the addresses of a text. One that has none counts as an address, which no user has: without any, the push
// would be to every holder.
func named(v input.Value) []addresses.Entry {
	if entries := addresses.Read(v.Text); len(entries) > 0 {
		return entries
	}
	if text := strings.TrimSpace(v.Text); text != "" {
		return []addresses.Entry{{Text: text, Address: text}}
	}
	return nil
}

// previewToken is the hash of the preview's token; nil without one.
func (in Input) previewToken() []byte {
	if !in.Preview.Given() {
		return nil
	}
	return secret.HashToken(in.Preview.Text)
}

var digits = regexp.MustCompile(`^[0-9]+$`)

const (
	maxUsersNamed  = 10_000
	maxGroupsNamed = 1_000
)

// propagation is an Input that was read: which fields go to which copies.
type propagation struct {
	fields []string
	reset  bool
	users  []string // ids; neither users nor groups means every holder
	groups []int64
	token  []byte // hash of the preview's token; nil without one
}

func (p propagation) narrowed() bool { return len(p.users)+len(p.groups) > 0 }

// DryRunWanted reports whether only a preview is wanted.
func (in Input) DryRunWanted() bool { return in.DryRun.Given() && in.DryRun.Text == "true" }

// read checks the input, with what it names. Refusal: Invalid.
func (in Input) read(ctx context.Context, db bun.IDB) (propagation, error) {
	p := propagation{token: in.previewToken()}
	c := &input.Reader{}
	p.fields = readFieldGroups(c, in.Fields)
	c.Bool("dry_run", in.DryRun)
	users := readIDs(c, "user_ids", in.UserIDs, maxUsersNamed, "users")
	if input.CheckList(c, "group_ids", in.GroupIDs, maxGroupsNamed, "groups") {
		for i, v := range in.GroupIDs.Items {
			if v.Kind == input.Null {
				c.Add(input.Index("group_ids", i), "null_not_allowed", "Give a group's id instead of null.")
			}
			v.FromForm = v.FromForm || v.Kind == input.String && digits.MatchString(v.Text) // clients may send ids as text
			if id, ok := c.Int(input.Index("group_ids", i), v, "the group's id", 1, input.MaxCount); ok {
				p.groups = append(p.groups, id)
			}
		}
	}
	p.reset, _ = c.Bool("reset_usage", in.ResetUsage)
	if len(in.Emails.Items) > maxUsersNamed {
		c.Add("emails", "too_many_items", "Name at most 10000 users.")
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return p, err
	}
	if err := checkUsers(c, ctx, db, users, "user_ids", "id"); err != nil {
		return p, err
	}
	if err := checkRoles(c, ctx, db, p.groups); err != nil {
		return p, err
	}
	var emails []string
	for _, v := range in.Emails.Items {
		for _, e := range named(v) {
			emails = append(emails, input.FoldCase(e.Address))
		}
	}
	if err := checkUsers(c, ctx, db, emails, "emails", "email_key"); err != nil {
		return p, err
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return p, err
	}
	p.users = users
	if len(emails) > 0 {
		var named []string
		if err := db.NewRaw("SELECT id FROM users WHERE email_key = ANY (?)", pgdialect.Array(emails)).
			Scan(ctx, &named); err != nil {
			return p, fmt.Errorf("look up users by email: %w", err)
		}
		p.users = append(p.users, named...)
	}
	slices.Sort(p.users)
	p.users = slices.Compact(p.users)
	return p, nil
}

// readFieldGroups reads the groups of fields, and sorts them into their order.
func readFieldGroups(c *input.Reader, l input.List[input.Value]) []string {
	const field = "fields"
	readable := input.CheckList(c, field, l, 100, "fields")
	if len(l.Items) == 0 && (readable || l.Kind == input.Absent) {
		c.Add(field, "required", "Choose at least one field of the profile to propagate.")
	}
	if !readable {
		return nil
	}
	chosen := map[string]bool{}
	for i, v := range l.Items {
		switch {
		case v.Kind == input.Null:
			c.Add(input.Index(field, i), "null_not_allowed", "Name a group of fields instead of null.")
		case v.Kind != input.String:
			c.Add(input.Index(field, i), "wrong_type", "Name a group of fields as text.")
		case !slices.Contains(fieldgroup.Names, v.Text):
			c.Add(input.Index(field, i), "invalid_field", "Choose "+input.Either(fieldgroup.Names)+".")
		case chosen[v.Text]:
			c.Add(input.Index(field, i), "duplicate_field", "Name "+v.Text+" once.")
		}
		chosen[v.Text] = true
	}
	return slices.DeleteFunc(slices.Clone(fieldgroup.Names), func(name string) bool { return !chosen[name] })
}

// readIDs reads a list of ids that are text.
func readIDs(c *input.Reader, field string, l input.List[input.Value], most int, what string) []string {
	ids := []string{}
	if !input.CheckList(c, field, l, most, what) {
		return ids
	}
	for i, v := range l.Items {
		switch v.Kind {
		case input.Null:
			c.Add(input.Index(field, i), "null_not_allowed", "Give an id instead of null.")
		case input.String:
			ids = append(ids, v.Text)
		default:
			c.Add(input.Index(field, i), "wrong_type", "Give the id as text.")
		}
	}
	return ids
}

// checkUsers adds a problem for each value that no user has in the column.
func checkUsers(c *input.Reader, ctx context.Context, db bun.IDB, values []string, field, column string) error {
	if len(values) == 0 {
		return nil
	}
	askable := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !input.Storable(v) })
	var rows []string
	err := db.NewSelect().Table("users").Column(column).Where("? = ANY (?)", bun.Ident(column), pgdialect.Array(askable)).
		Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("look up users: %w", err)
	}
	known := make(map[string]bool, len(rows))
	for _, row := range rows {
		known[row] = true
	}
	for i, value := range values {
		if !known[value] {
			c.Add(input.Index(field, i), "unknown_user",
				"Name users that exist; "+strconv.Quote(problem.Clip(value))+" is none.")
		}
	}
	return nil
}

func checkRoles(c *input.Reader, ctx context.Context, db bun.IDB, groups []int64) error {
	if len(groups) == 0 {
		return nil
	}
	var known []int64
	if err := db.NewRaw("SELECT id FROM roles WHERE id = ANY (?)", pgdialect.Array(groups)).Scan(ctx, &known); err != nil {
		return fmt.Errorf("look up roles: %w", err)
	}
	for i, id := range groups {
		if !slices.Contains(known, id) {
			c.Add(input.Index("group_ids", i), "unknown_group", "Name groups that exist, by the id of a role.")
		}
	}
	return nil
}

// Target is a copy that a propagation includes.
type Target struct {
	ID              int64
	UserID          string
	Name, Email     string // the holder's
	PolicyID        int64
	Skip            string // why it is skipped, "" when it is not
	GroupVersions   string // as an array of the database: few are different
	FailOpenFor     int64
	window.Calendar `bun:",extend"`
}

// Why a copy is skipped, apart from "inactive" and "expired".
const (
	skipNoCopy = "no_copy"
	skipGone   = "gone"
)

// selectCopies selects copies, each with the reason why it is skipped.
func selectCopies(db bun.IDB, now time.Time) *bun.SelectQuery {
	return db.NewSelect().TableExpr("user_access_profiles AS c").Column("c.id", "c.user_id").ColumnExpr(`CASE
    WHEN NOT c.is_active THEN 'inactive'
    WHEN NOT c.from_role AND c.expires_at <= ? THEN 'expired'
    ELSE '' END AS skip`, now)
}

// withShapes adds what makes the shape of a copy.
func withShapes(copies *bun.SelectQuery) *bun.SelectQuery {
	return copies.Join("JOIN policies AS p ON p.id = c.policy_id").
		Column("c.policy_id", "c.group_versions", "p.calendar_aligned", "p.time_zone", "p.fail_open_for").Order("c.id")
}

// copies selects those chosen.
func (p propagation) copies(db bun.IDB, profileID int64, now time.Time) *bun.SelectQuery {
	query := selectCopies(db, now).Where("c.access_profile_id = ?", profileID)
	if p.narrowed() {
		query = query.Where("(c.user_id = ANY (?) OR c.user_id IN (SELECT id FROM users WHERE role_id = ANY (?)))",
			pgdialect.Array(p.users), pgdialect.Array(p.groups))
	}
	return query
}

// targets are the copies chosen, in the order of their ids.
func (p propagation) targets(ctx context.Context, db bun.IDB, profileID int64, now time.Time) ([]Target, error) {
	var targets []Target
	query := withShapes(p.copies(db, profileID, now)).
		Join("JOIN users AS u ON u.id = c.user_id").Column("u.name", "u.email")
	if err := query.Scan(ctx, &targets); err != nil {
		return nil, fmt.Errorf("look up copies of access profile %d: %w", profileID, err)
	}
	return targets, nil
}

// withoutCopy are the named users without a copy.
func (p propagation) withoutCopy(targets []Target) []string {
	holds := make(map[string]bool, len(targets))
	for _, t := range targets {
		holds[t.UserID] = true
	}
	return slices.DeleteFunc(slices.Clone(p.users), func(id string) bool { return holds[id] })
}
