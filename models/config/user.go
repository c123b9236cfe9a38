package config

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/assignment"
	"tollgate/models/configdoc"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// directCopies are the copies c that a document lists: those of a role come with the role, and those with an end go.
const directCopies = "c.direct AND NOT c.from_role AND c.expires_at IS NULL"

// loadUsers reads the users of the console; those of directories are only known by their addresses.
func (s *state) loadUsers(ctx context.Context, db bun.IDB) error {
	var rows []struct {
		ID, EmailKey, Email, Name, Role string
		IsActive, OfDirectory           bool
		AccessProfiles                  []string `bun:",array"`
	}
	err := db.NewSelect().TableExpr("users AS u").Join("JOIN roles AS r ON r.id = u.role_id").
		Column("u.id", "u.email_key", "u.email", "u.name").ColumnExpr("r.name AS role").
		ColumnExpr("u.deactivated_at IS NULL AS is_active").ColumnExpr("u.connection_id IS NOT NULL AS of_directory").
		ColumnExpr("ARRAY(SELECT p.name "+
			"FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id "+
			"WHERE c.user_id = u.id AND "+directCopies+") AS access_profiles").
		Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("load the users: %w", err)
	}
	for _, row := range rows {
		id := configdoc.ID{Kind: configdoc.User, Key: row.EmailKey}
		if row.OfDirectory {
			s.managed[id] = true
			continue
		}
		configdoc.SortNames(row.AccessProfiles)
		c := &current{ID: id, Name: row.Email, user: row.ID}
		u := configdoc.UserAnswer{
			Email: row.Email, Name: row.Name, Role: row.Role, IsActive: row.IsActive, AccessProfiles: row.AccessProfiles,
		}
		if err := s.add(c, u); err != nil {
			return err
		}
	}
	return nil
}

// lockWith locks what a change of users needs before them: the profiles and roles of a user, and the default roles of
// the users of a directory.
func (s step) lockWith(now *state, ids map[string][]int64) {
	var profiles, roles []string
	switch answer := s.Resource.(type) {
	case configdoc.UserAnswer:
		profiles, roles = answer.AccessProfiles, []string{answer.Role, s.former("role")}
	case configdoc.DirectoryAnswer:
		roles = []string{answer.DefaultRole, s.former("default_role")}
	}
	for _, name := range profiles {
		if row := now.rows[configdoc.IDOf(configdoc.AccessProfile, name)]; row != nil {
			ids[configdoc.AccessProfile] = append(ids[configdoc.AccessProfile], row.id)
		}
	}
	for _, role := range roles {
		if id, there := now.ids[configdoc.IDOf(configdoc.Role, role)]; there {
			ids[configdoc.Role] = append(ids[configdoc.Role], id)
		}
	}
}

// former is the text that a field has in the console.
func (s step) former(field string) string {
	if s.old == nil {
		return ""
	}
	text, _ := s.old.body.Node.Get(field)
	return text.Text
}

func (s *saver) saveUser(ctx context.Context, w configdoc.Wanted, old *current) error {
	u := w.Resource.(configdoc.UserAnswer)
	role := input.SampleNumber(strconv.FormatInt(s.roles[input.NameKey(u.Role)], 10))
	in := identity.UserInput{
		Row: input.Row{Kind: input.Object}, Name: input.SampleText(u.Name), Email: input.SampleText(u.Email),
	}
	var id string
	if old == nil {
		in.RoleID = role
		made, err := account.CreateUser(ctx, s.tx, nil, s.actor, in)
		if err != nil {
			return err
		}
		id = made.ID
	} else {
		id = old.user
		if _, err := account.UpdateUser(ctx, s.tx, nil, s.actor, id, in); err != nil {
			return err
		}
		choice := identity.RoleChoice{Row: input.Row{Kind: input.Object}, RoleID: role}
		if _, err := account.SetUserRole(ctx, s.tx, s.actor, id, choice); err != nil {
			return err
		}
	}
	if err := s.assignments(ctx, w, id, u.AccessProfiles); err != nil {
		return err
	}
	change := account.Activate
	if !u.IsActive {
		change = account.Deactivate
	}
	_, err := change(ctx, s.tx, s.actor, id)
	return err
}

// assignments assigns profiles to a user, without issuing keys, and removes the copies of those that are not listed any
// more. A profile may have another name by now, and come with the role that the user was given.
func (s *saver) assignments(ctx context.Context, w configdoc.Wanted, user string, wished []string) error {
	var copies []struct{ ID, AccessProfileID int64 }
	err := s.tx.NewRaw("SELECT c.id, c.access_profile_id FROM user_access_profiles AS c WHERE c.user_id = ? AND "+
		directCopies+" ORDER BY c.id", user).Scan(ctx, &copies)
	if err != nil {
		return fmt.Errorf("read the profiles of a user: %w", err)
	}
	had := map[int64]int64{}
	for _, c := range copies {
		had[c.AccessProfileID] = c.ID
	}
	for _, name := range wished {
		id := s.profiles[input.NameKey(name)]
		if _, there := had[id]; there {
			delete(had, id)
			continue
		}
		if err := s.assign(ctx, w, user, name); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Values(had)) {
		if _, err := assignment.Detach(ctx, s.tx, s.actor, user, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *saver) assign(ctx context.Context, w configdoc.Wanted, user, name string) error {
	field := "access_profiles"
	for _, ref := range w.Refs {
		if ref.Kind == configdoc.AccessProfile && input.NameKey(ref.Name) == input.NameKey(name) {
			field = ref.Path
		}
	}
	holders, err := identity.LockAccess(ctx, s.tx, s.actor, permission.CreateAccessProfiles, user)
	if err != nil {
		return err
	}
	shown, err := profile.Get(ctx, s.tx, s.profiles[input.NameKey(name)])
	if err != nil {
		return err
	}
	if !shown.IsActive {
		return assignment.Inactive(field, shown)
	}
	now, err := database.Clock(ctx, s.tx)
	if err != nil {
		return err
	}
	origin, about := assignment.Origin{Direct: true}, map[string]any{"source": "direct"}
	done, err := assignment.AssignAll(ctx, s.tx, s.actor, shown, holders, origin, about, now)
	if err == nil && len(done.Users) == 0 {
		err = problem.Refuse(problem.Conflict, field, "already_held", "Leave out "+problem.Clip(name)+
			": the user has it by the role, or until an end that was set in the console.")
	}
	return err
}
