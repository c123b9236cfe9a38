package assignment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/virtualkey"
)

// Assignment is a user's copy of a profile: the same policy with its own ids, usage and overrides.
type Assignment struct {
	ID               int64             `json:"id"`
	UserID           string            `json:"user_id"`
	ParentProfileID  int64             `json:"parent_profile_id"`
	Name             string            `json:"name"` // the profile's
	IsActive         bool              `json:"is_active"`
	ExpiresAt        *time.Time        `json:"expires_at"`
	TemplateVersion  int64             `json:"template_version"` // the oldest version that a part of the policy comes from
	Source           string            `json:"source"`           // "role" or "direct"
	AssignedAt       time.Time         `json:"assigned_at"`
	VirtualKeyIDs    []string          `json:"virtual_key_ids" bun:"-"`
	VirtualKeyValues map[string]string `json:"virtual_key_values" bun:"-"` // masked, by id
	policy.Policy    `bun:"-"`

	PolicyID       int64   `json:"-"`
	GroupVersions  []int64 `json:"-" bun:",array"`
	FromRole       bool    `json:"-"` // also when assigned directly
	CurrentVersion int64   `json:"-"` // the profile's current version
	PolicyVersion  int64   `json:"-"` // the profile's version that changed its policy last
	Holder         string  `json:"-"` // the user's name
	HolderEmail    string  `json:"-"`

	HolderDeactivatedAt *time.Time `json:"-"`
}

// Behind is by how many versions the copy is behind the profile; 0 when the policy has not changed since.
func (u Assignment) Behind() int64 {
	if u.TemplateVersion >= u.PolicyVersion {
		return 0
	}
	return u.CurrentVersion - u.TemplateVersion
}

// Expired reports whether the copy has expired.
func (u Assignment) Expired(now time.Time) bool {
	return u.ExpiresAt != nil && !u.ExpiresAt.After(now)
}

// SelectCopies reads copies without their policies. A copy that also comes with a role does not expire.
func SelectCopies(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().
		TableExpr("user_access_profiles AS c").
		Join("JOIN access_profiles AS p ON p.id = c.access_profile_id").
		Join("JOIN users AS u ON u.id = c.user_id").
		Column("c.id", "c.user_id", "c.is_active", "c.template_version", "c.group_versions", "c.assigned_at").
		Column("c.policy_id", "c.from_role").
		ColumnExpr("c.access_profile_id AS parent_profile_id").
		ColumnExpr("p.name").
		ColumnExpr("p.version AS current_version").
		Column("p.policy_version").
		ColumnExpr("CASE WHEN NOT c.from_role THEN c.expires_at END AS expires_at").
		ColumnExpr("CASE WHEN c.direct THEN 'direct' ELSE 'role' END AS source").
		ColumnExpr("u.name AS holder").
		ColumnExpr("u.email AS holder_email").
		ColumnExpr("u.deactivated_at AS holder_deactivated_at")
}

// List returns the copies of a user with their usage, oldest first. Refusal: NotFound.
func List(ctx context.Context, db bun.IDB, userID string) ([]Assignment, error) {
	if _, err := identity.GetUser(ctx, db, userID); err != nil {
		return nil, err
	}
	return ListOf(ctx, db, userID)
}

// ListOf is List for a user who is there.
func ListOf(ctx context.Context, db bun.IDB, userID string) ([]Assignment, error) {
	return LoadCopies(ctx, db, SelectCopies(db).Where("c.user_id = ?", userID).Order("c.assigned_at", "c.id"))
}

// Get returns one copy of a user with its usage. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, user string, id int64) (Assignment, error) {
	if !identity.UserID.MatchString(user) {
		return Assignment{}, problem.Missing("user")
	}
	copies, err := LoadCopies(ctx, db, SelectCopies(db).Where("c.user_id = ? AND c.id = ?", user, id))
	switch {
	case err != nil:
		return Assignment{}, err
	case len(copies) == 0:
		return Assignment{}, problem.Missing("access profile of this user")
	}
	return copies[0], nil
}

// HolderQuery says which holders of a profile a list shows.
type HolderQuery struct {
	database.CatalogueQuery
	ProfileID int64
	Behind    bool // only those that have an older version
}

// ListHolders returns a page of the copies of a profile by the holder's name, and the total.
func ListHolders(ctx context.Context, db bun.IDB, q HolderQuery) ([]Assignment, int64, error) {
	filter := func(s *bun.SelectQuery) *bun.SelectQuery {
		s = s.Where("c.access_profile_id = ?", q.ProfileID)
		if q.Search != "" {
			s = s.Where("(u.name ILIKE ?0 OR u.email ILIKE ?0)", database.LikeAnywhere(q.Search))
		}
		if q.Behind {
			s = s.Where(isBehind)
		}
		return s
	}
	total, err := filter(SelectCopies(db)).Count(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count holders: %w", err)
	}
	copies, err := LoadCopies(
		ctx, db, filter(SelectCopies(db)).OrderExpr("lower(u.name), u.email_key").Limit(q.Limit).Offset(q.Offset),
	)
	return copies, total, err
}

// stored is what LoadCopies reads before the usage.
type stored struct {
	copies    []Assignment
	policies  policy.Stored
	overrides []BudgetOverride
	keys      []virtualkey.Key
	clock     []struct{ Now time.Time }
}

// read takes one statement.
func (s *stored) read(ctx context.Context, db bun.IDB, query *bun.SelectQuery) error {
	parts := append(s.policies.Parts(db, "IN (SELECT policy_id FROM copies)"),
		database.Part{Query: db.NewSelect().TableExpr("copies").ColumnExpr("*"), Rows: &s.copies},
		database.Part{Query: overridesOf(db, &s.overrides, "IN (SELECT policy_id FROM copies)"), Rows: &s.overrides},
		database.Part{
			Query: db.NewSelect().Model(&s.keys).Column("k.id", "k.user_id", "k.last_four").
				Where("k.user_id IN (SELECT user_id FROM copies)").Order("k.created_at", "k.id"),
			Rows: &s.keys,
		},
		database.Part{Query: db.NewSelect().ColumnExpr("clock_timestamp() AS now"), Rows: &s.clock})
	if err := database.ReadTogether(ctx, db, "WITH copies AS MATERIALIZED (?)", []any{query}, parts...); err != nil {
		return fmt.Errorf("load copies: %w", err)
	}
	return nil
}

// LoadCopies reads the copies that a query finds, with their policies, usage and keys, in two statements and one
// snapshot. In a transaction the caller has locked them.
func LoadCopies(ctx context.Context, db bun.IDB, query *bun.SelectQuery) (copies []Assignment, err error) {
	err = database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		var s stored
		if err := s.read(ctx, db, query); err != nil {
			return err
		}
		copies = s.copies
		policies, err := s.policies.Policies()
		if err != nil {
			return err
		}
		for i := range copies {
			if policy, ok := policies[copies[i].PolicyID]; ok { // a copy that is being deleted has none
				copies[i].Policy = *policy
			}
		}
		addKeys(copies, s.keys)
		return loadUsage(ctx, db, copies, byBudget(s.overrides), s.clock[0].Now)
	})
	return copies, err
}

// ProfilesHeld returns the names of the profiles of each user, by user id.
func ProfilesHeld(ctx context.Context, db bun.IDB, users []identity.User) (map[string][]string, error) {
	ids, names := make([]string, len(users)), make(map[string][]string, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	var rows []struct{ UserID, Name string }
	err := db.NewRaw(`
SELECT c.user_id, p.name FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.user_id = ANY (?) ORDER BY c.assigned_at, c.id`, pgdialect.Array(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look up the profiles of users: %w", err)
	}
	for _, row := range rows {
		names[row.UserID] = append(names[row.UserID], row.Name)
	}
	return names, nil
}
