package attachment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// AttachInput is what a client may send to attach a profile to roles.
type AttachInput struct {
	input.Row
	RoleIDs         input.List[input.Value] `json:"role_ids"`
	IsDefault       input.Value             `json:"is_default"`
	ApplyToExisting input.Value             `json:"apply_to_existing"`
}

const maxRolesAtOnce = 1000

// attachment is a checked AttachInput.
type attachment struct {
	roles     []int64 // ascending, each once
	named     []int64 // in the order in which they were sent
	fields    map[int64]string
	isDefault *bool
	apply     bool
}

func (in AttachInput) check() (a attachment, problems problem.Problems) {
	c := &input.Reader{}
	a.fields = map[int64]string{}
	if readable := input.CheckList(c, "role_ids", in.RoleIDs, maxRolesAtOnce, "roles"); len(in.RoleIDs.Items) == 0 &&
		(readable || in.RoleIDs.Kind == input.Absent) {
		c.Add("role_ids", "required", "Choose at least one role.")
	} else if readable {
		for i, v := range in.RoleIDs.Items {
			if v.Kind == input.Null {
				c.Add(input.Index("role_ids", i), "null_not_allowed", "Give a role's id instead of null.")
			}
			if id, ok := c.Int(input.Index("role_ids", i), v, "the role's id", 1, input.MaxCount); ok && a.fields[id] == "" {
				a.fields[id] = input.Index("role_ids", i)
				a.roles, a.named = append(a.roles, id), append(a.named, id)
			}
		}
	}
	if isDefault, ok := c.Bool("is_default", in.IsDefault); ok {
		a.isDefault = &isDefault
	}
	a.apply, _ = c.Bool("apply_to_existing", in.ApplyToExisting)
	slices.Sort(a.roles)
	return a, c.Problems
}

// Attached is the outcome of attaching a profile to roles.
type Attached struct {
	Profile profile.Profile
	Roles   []string // names of those that are attached now
	Applied int      // users who got a copy
	Already int      // users who had a direct copy, which now comes from the role too
	Endless int      // of those, whose copy had an end, which does not count while it comes from the role
	Keyless int      // users who got a copy and have no key
	Default *bool    // whether new members get it, when that was sent
}

// AttachRoles attaches a profile to roles; roles that have it already keep their default unless it is sent. With
// apply_to_existing every member of the roles gets a copy now. Refusals: NotFound, Invalid, Forbidden for a role that
// permits more than the actor may do, Conflict when an inactive profile is to be applied.
func AttachRoles(
	ctx context.Context, db bun.IDB, actor permission.Actor, profileID int64, in AttachInput,
) (Attached, error) {
	var done Attached
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		shown, err := profile.LockProfile(ctx, tx, profileID)
		if err != nil {
			return err
		}
		done = Attached{Profile: shown.Profile}
		a, problems := in.check()
		if err := problem.InvalidInput(problems); err != nil {
			return err
		}
		if a.apply && !shown.IsActive {
			return assignment.Inactive("apply_to_existing", shown.Profile)
		}
		done.Default = a.isDefault
		auth, err := identity.Claim{
			Needed:  permission.CreateAccessProfiles + " or " + permission.UpdateAccessProfiles,
			Roles:   a.roles,
			Members: a.apply,
		}.Lock(ctx, tx, actor)
		if err != nil {
			return err
		}
		roles, err := rolesNamed(auth, a)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		changed, err := saveAttachments(ctx, tx, profileID, a, now)
		if err != nil {
			return err
		}
		var g assignment.Assigned
		if a.apply {
			users := members(auth, a.roles...)
			if g, err = assignment.AssignCopies(ctx, tx, shown.Profile, users, assignment.Origin{}, now); err != nil {
				return err
			}
		}
		done.Roles, done.Applied, done.Already = roles, len(g.Users), len(g.Existing)
		done.Endless = len(g.Endless)
		if done.Keyless, err = assignment.CountKeyless(ctx, tx, g.Users); err != nil {
			return err
		}
		if len(changed) == 0 && len(g.Users)+len(g.Existing) == 0 {
			return nil
		}
		return recordAttachments(ctx, tx, actor, done, a, changed, g, now)
	})
	return done, err
}

// rolesNamed returns the names of the roles, which are locked so that no user joins or leaves them meanwhile. Refusals:
// Invalid for unknown ones, Forbidden for one that permits more than the actor may do.
func rolesNamed(a *identity.Authorization, in attachment) ([]string, error) {
	var problems problem.Problems
	for _, id := range in.named {
		if _, known := a.Roles[id]; !known {
			problems = append(
				problems,
				problem.Problem{
					Field:   in.fields[id],
					Code:    "unknown_role",
					Message: "Choose a role that exists; there is none with the id " + strconv.FormatInt(id, 10) + ".",
				},
			)
		}
	}
	if err := problem.InvalidInput(problems); err != nil {
		return nil, err
	}
	names := []string{}
	for _, id := range in.roles {
		if err := identity.MayChangeRole(a.Actor, a.Roles[id]); err != nil {
			return nil, err
		}
		names = append(names, a.Roles[id].Name)
	}
	return names, nil
}

// members returns the locked users who have one of the roles, in the order of their ids.
func members(a *identity.Authorization, roles ...int64) []identity.Holder {
	var members []identity.Holder
	for _, id := range slices.Sorted(maps.Keys(a.Users)) {
		if u := a.Users[id]; slices.Contains(roles, u.RoleID) {
			members = append(members, identity.Holder{ID: u.ID, Email: u.Email})
		}
	}
	return members
}

// saveAttachments returns the attachments that are new or changed their default.
func saveAttachments(
	ctx context.Context, tx database.Tx, profileID int64, a attachment, now time.Time,
) ([]profile.RoleAttachment, error) {
	changed := []profile.RoleAttachment{}
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

func recordAttachments(
	ctx context.Context, tx database.Tx, actor permission.Actor, done Attached, a attachment,
	changed []profile.RoleAttachment,
	g assignment.Assigned, now time.Time,
) error {
	c := audit.Change{
		ProfileID: &done.Profile.ID,
		Actor:     actor.Name,
		Origin:    audit.OriginOf(actor),
		Action:    "attach_role",
		At:        now,
	}
	metadata := map[string]any{
		"access_profile":    done.Profile.Name,
		"role_ids":          a.roles,
		"roles":             done.Roles,
		"apply_to_existing": a.apply,
		"is_default":        a.isDefault,
	}
	if a.apply {
		metadata["user_ids"], metadata["already_held_by"] = g.Users, g.Existing
	}
	if len(g.Endless) > 0 {
		metadata["endless_for"] = slices.Sorted(maps.Keys(g.Endless))
	}
	if err := c.Documents(nil, changed, metadata); err != nil {
		return err
	}
	return audit.Record(tx, c)
}
