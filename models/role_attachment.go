package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// RoleAttachment says that a role hands a template out: as a default one, to everybody who gains the role.
type RoleAttachment struct {
	bun.BaseModel `bun:"table:role_access_profiles,alias:a" json:"-"`

	ID              int64     `json:"id" bun:",pk,autoincrement"`
	AccessProfileID int64     `json:"access_profile_id"`
	RoleID          int64     `json:"role_id"`
	RoleName        string    `json:"role_name" bun:",scanonly"`
	IsDefault       bool      `json:"is_default"`
	CreatedAt       time.Time `json:"-"`

	ProfileName   string `json:"-" bun:",scanonly"`
	ProfileActive bool   `json:"-" bun:",scanonly"`
	Members       int64  `json:"-" bun:",scanonly"` // of the role
	Holders       int64  `json:"-" bun:",scanonly"` // members who hold the template because of it
}

func selectAttachments(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("a.*").ColumnExpr("r.name AS role_name").ColumnExpr("p.name AS profile_name").ColumnExpr("p.is_active AS profile_active").
		ColumnExpr("(SELECT count(*) FROM users AS u WHERE u.role_id = a.role_id) AS members").
		ColumnExpr(`(SELECT count(*) FROM user_access_profiles AS c JOIN users AS u ON u.id = c.user_id
WHERE c.access_profile_id = a.access_profile_id AND c.from_role AND u.role_id = a.role_id) AS holders`).
		Join("JOIN roles AS r ON r.id = a.role_id").Join("JOIN access_profiles AS p ON p.id = a.access_profile_id")
}

// ProfileRoles lists the roles that hand a template out, by name.
func ProfileRoles(ctx context.Context, db bun.IDB, profileID int64) ([]RoleAttachment, error) {
	return attachments(ctx, db, "a.access_profile_id = ?", profileID)
}

// RoleProfiles lists the templates that a role hands out, by name.
func RoleProfiles(ctx context.Context, db bun.IDB, roleID int64) ([]RoleAttachment, error) {
	return attachments(ctx, db, "a.role_id = ?", roleID)
}

func attachments(ctx context.Context, db bun.IDB, where string, id int64) ([]RoleAttachment, error) {
	rows := []RoleAttachment{}
	if err := selectAttachments(db.NewSelect().Model(&rows)).Where(where, id).Order("r.name_key", "p.name_key").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list what roles hand out: %w", err)
	}
	return rows, nil
}

// MembersWithout counts the members of each role who hold no copy of a template.
func MembersWithout(ctx context.Context, db bun.IDB, profileID int64) (map[int64]int64, error) {
	var rows []struct{ RoleID, N int64 }
	err := db.NewRaw(`SELECT role_id, count(*) AS n FROM users AS u
WHERE NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.user_id = u.id AND c.access_profile_id = ?) GROUP BY role_id`, profileID).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count members without access profile %d: %w", profileID, err)
	}
	without := make(map[int64]int64, len(rows))
	for _, row := range rows {
		without[row.RoleID] = row.N
	}
	return without, nil
}

// AttachInput is what a client may send to have roles hand a template out.
type AttachInput struct {
	Row
	RoleIDs         List[Value] `json:"role_ids"`
	IsDefault       Value       `json:"is_default"`
	ApplyToExisting Value       `json:"apply_to_existing"`
}

const maxRolesAtOnce = 1000

// attachment is an AttachInput that was read.
type attachment struct {
	roles     []int64 // ascending, each once
	named     []int64 // in the order in which they were sent
	fields    map[int64]string
	isDefault *bool
	apply     bool
}

func (in AttachInput) check() (a attachment, problems Problems) {
	c := &checker{}
	a.fields = map[int64]string{}
	if readable := list(c, "role_ids", in.RoleIDs, maxRolesAtOnce, "roles"); len(in.RoleIDs.Items) == 0 && (readable || in.RoleIDs.Kind == Absent) {
		c.add("role_ids", "required", "Choose at least one role.")
	} else if readable {
		for i, v := range in.RoleIDs.Items {
			if v.Kind == Null {
				c.add(at("role_ids", i), "null_not_allowed", "Give a role's id instead of null.")
			}
			if id, ok := c.count(at("role_ids", i), v, "the role's id", 1, MaxCount); ok && a.fields[id] == "" {
				a.fields[id] = at("role_ids", i)
				a.roles, a.named = append(a.roles, id), append(a.named, id)
			}
		}
	}
	if isDefault, ok := c.truth("is_default", in.IsDefault); ok {
		a.isDefault = &isDefault
	}
	a.apply, _ = c.truth("apply_to_existing", in.ApplyToExisting)
	slices.Sort(a.roles)
	return a, c.found
}

// Attached is what came of attaching roles.
type Attached struct {
	Profile AccessProfile
	Roles   []string // names of those that are attached now
	Applied int      // users who got a copy
	Already int      // users who had one directly, and have it from the role too now
	Default *bool    // whether new members get it, when that was said
}

// AttachRoles has roles hand a template out; those that do already keep their default unless it is sent. With apply_to_existing everybody
// in the roles gets a copy now. Refusals: NotFound, Invalid, Forbidden for a role that permits more than the actor may do, Conflict when an inactive template is to be applied.
func AttachRoles(ctx context.Context, db bun.IDB, keys Keys, actor Actor, profileID int64, in AttachInput) (Attached, error) {
	var done Attached
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if err := allowLong(ctx, tx); err != nil {
			return err
		}
		template, err := lockProfile(ctx, tx, profileID)
		if err != nil {
			return err
		}
		done = Attached{Profile: template.AccessProfile}
		a, problems := in.check()
		if err := invalid(problems); err != nil {
			return err
		}
		if a.apply && !template.IsActive {
			return inactive("apply_to_existing", template.AccessProfile)
		}
		done.Default = a.isDefault
		held, err := claim{needed: "AccessProfiles:Create or AccessProfiles:Update", roles: a.roles, members: a.apply}.hold(ctx, tx, actor)
		if err != nil {
			return err
		}
		roles, err := held.rolesNamed(a)
		if err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		changed, err := saveAttachments(ctx, tx, profileID, a, now)
		if err != nil {
			return err
		}
		var g given
		if a.apply {
			if g, err = giveCopies(ctx, tx, keys, template.AccessProfile, held.members(a.roles...), handout{}, now); err != nil {
				return err
			}
		}
		done.Roles, done.Applied, done.Already = roles, len(g.Users), len(g.Held)
		if len(changed) == 0 && len(g.Users)+len(g.Held) == 0 {
			return nil
		}
		return recordAttachments(ctx, tx, actor, done, a, changed, g, now)
	})
	return done, err
}

// allowLong lets one transaction take as long as changing what thousands hold does.
func allowLong(ctx context.Context, tx bun.Tx) error {
	if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '60s'"); err != nil {
		return fmt.Errorf("allow a long statement: %w", err)
	}
	return nil
}

// rolesNamed are the names of the roles, which are locked so that nobody joins or leaves them meanwhile. Refusals: Invalid for unknown
// ones, Forbidden for one that permits more than the actor may do.
func (a *authority) rolesNamed(in attachment) ([]string, error) {
	var problems Problems
	for _, id := range in.named {
		if _, known := a.roles[id]; !known {
			problems = append(problems, Problem{in.fields[id], "unknown_role", "Choose a role that exists; there is none with the id " + strconv.FormatInt(id, 10) + "."})
		}
	}
	if err := invalid(problems); err != nil {
		return nil, err
	}
	names := []string{}
	for _, id := range in.roles {
		if err := a.actor.mayGiveBy(a.roles[id]); err != nil {
			return nil, err
		}
		names = append(names, a.roles[id].Name)
	}
	return names, nil
}

// members are the users locked who have one of the roles, in the order of their ids.
func (a *authority) members(roles ...int64) []holder {
	var members []holder
	for _, id := range slices.Sorted(maps.Keys(a.users)) {
		if u := a.users[id]; slices.Contains(roles, u.RoleID) {
			members = append(members, holder{u.ID, u.Email})
		}
	}
	return members
}

// saveAttachments returns the attachments that are new or changed their default.
func saveAttachments(ctx context.Context, tx bun.Tx, profileID int64, a attachment, now time.Time) ([]RoleAttachment, error) {
	changed := []RoleAttachment{}
	err := tx.NewRaw(`
INSERT INTO role_access_profiles (access_profile_id, role_id, is_default, created_at)
SELECT ?0, r, coalesce(?1, false), ?2 FROM unnest(?3::bigint[]) AS r
ON CONFLICT (access_profile_id, role_id) DO UPDATE SET is_default = excluded.is_default
WHERE role_access_profiles.is_default <> coalesce(?1, role_access_profiles.is_default)
RETURNING id, access_profile_id, role_id, is_default`, profileID, a.isDefault, now, pgdialect.Array(a.roles)).Scan(ctx, &changed)
	if err != nil {
		return nil, fmt.Errorf("attach roles: %w", err)
	}
	return changed, nil
}

func recordAttachments(ctx context.Context, tx bun.Tx, actor Actor, done Attached, a attachment, changed []RoleAttachment, g given, now time.Time) error {
	c := change{ProfileID: &done.Profile.ID, Actor: actor.Name, Origin: actor.origin(), Action: "attach_role", At: now}
	metadata := map[string]any{
		"access_profile": done.Profile.Name, "role_ids": a.roles, "roles": done.Roles, "apply_to_existing": a.apply, "is_default": a.isDefault,
	}
	if a.apply {
		metadata["user_ids"], metadata["already_held_by"] = g.Users, g.Held
	}
	if err := c.documents(nil, changed, metadata); err != nil {
		return err
	}
	return record(ctx, tx, c)
}

// CountRoles tells how many roles hand a template out.
func CountRoles(ctx context.Context, db bun.IDB, profileID int64) (int64, error) {
	n, err := db.NewSelect().Table("role_access_profiles").Where("access_profile_id = ?", profileID).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the roles of access profile %d: %w", profileID, err)
	}
	return n, nil
}
