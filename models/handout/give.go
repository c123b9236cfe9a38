package handout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/attachment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// Plan is what giving a profile would do, or did, line by line.
type Plan struct {
	Profile   profile.Profile
	ExpiresAt *time.Time
	Lines     []Line
}

// Count is how many lines have an outcome.
func (p Plan) Count(outcome string) (n int) {
	for _, line := range p.Lines {
		if line.Outcome == outcome {
			n++
		}
	}
	return n
}

// Preview says what giving a profile would do; who has an address, only to an actor who may see users. Refusals:
// NotFound, Invalid, Conflict for an inactive profile.
func Preview(ctx context.Context, db bun.IDB, actor permission.Actor, profileID int64, in Input) (Plan, error) {
	now, err := database.Clock(ctx, db)
	if err != nil {
		return Plan{}, err
	}
	p, err := read(ctx, db, profileID, in, now)
	if err != nil {
		return p, err
	}
	known, err := users(ctx, db, p.Lines)
	if err != nil {
		return p, err
	}
	typed := slices.Clone(p.Lines)
	if err := p.settle(ctx, db, actor, known); err != nil || actor.May(permission.ViewUsers) {
		return p, err
	}
	for i, line := range typed {
		p.Lines[i].UserID, p.Lines[i].Name, p.Lines[i].Email = "", line.Name, line.Email
	}
	return p, nil
}

func read(ctx context.Context, db bun.IDB, profileID int64, in Input, now time.Time) (p Plan, err error) {
	if p.Profile, err = profile.Get(ctx, db, profileID); err != nil {
		return p, err
	}
	if p.Lines, p.ExpiresAt, err = in.read(now); err != nil {
		return p, err
	}
	if !p.Profile.IsActive {
		return p, problem.Refuse(problem.Conflict, "", "profile_inactive",
			"Unarchive "+problem.Clip(p.Profile.Name)+" first: an archived profile cannot be given.")
	}
	return p, nil
}

// users are the known ones of the lines, by their folded address.
func users(ctx context.Context, db bun.IDB, lines []Line) (map[string]identity.User, error) {
	found, err := identity.UsersOfEmails(ctx, db, keysOf(lines))
	if err != nil {
		return nil, err
	}
	known := make(map[string]identity.User, len(found))
	for _, u := range found {
		known[input.FoldCase(u.Email)] = u
	}
	return known, nil
}

func keysOf(lines []Line) []string {
	keys := []string{}
	for _, line := range lines {
		if line.emailKey != "" {
			keys = append(keys, line.emailKey)
		}
	}
	return keys
}

// settle gives each line its outcome.
func (p *Plan) settle(
	ctx context.Context, db bun.IDB, actor permission.Actor, known map[string]identity.User,
) error {
	holds, err := assignment.HoldersAmong(ctx, db, p.Profile.ID, idsOf(known))
	if err != nil {
		return err
	}
	left, err := audit.DeletedUsers(ctx, db, keysOf(p.Lines))
	if err != nil {
		return err
	}
	endless, err := p.endless(ctx, db)
	if err != nil {
		return err
	}
	for i := range p.Lines {
		line := &p.Lines[i]
		user, there := known[line.emailKey]
		switch {
		case line.Outcome != "":
		case there:
			line.UserID, line.Name, line.Email = user.ID, user.Name, user.Email
			line.ofKnown(actor, user, holds[user.ID])
		case left[line.emailKey]:
			line.Outcome, line.Message = Left, "A user with this address was deleted. Create them again first if they came back."
		case !actor.May(permission.CreateUsers):
			line.Outcome, line.Message = Forbidden, "There is no such user, and you need the permission Users:Create to add one."
		default:
			line.Outcome, line.Message = New, endless
		}
	}
	return nil
}

// endless says that the end does not count for new users, since their role hands out the profile too; else it is empty.
func (p *Plan) endless(ctx context.Context, db bun.IDB) (string, error) {
	if p.ExpiresAt == nil {
		return "", nil
	}
	roles, err := profile.Roles(ctx, db, p.Profile.ID)
	for _, role := range roles {
		if role.IsDefault && role.RoleName == identity.DefaultRole {
			return "The role " + identity.DefaultRole + " gives it too, without an end: the end counts once they leave the role.", err
		}
	}
	return "", err
}

func (l *Line) ofKnown(actor permission.Actor, user identity.User, holds bool) {
	switch {
	case identity.MayActOn(actor, user.Name, user.Permissions) != nil:
		l.Outcome, l.Message = Forbidden, "They may do more than you, so you cannot change their access."
	case holds:
		l.Outcome, l.Message = Already, "They have it already."
	default:
		l.Outcome = Given
	}
}

func idsOf(known map[string]identity.User) []string {
	ids := make([]string, 0, len(known))
	for _, u := range known {
		ids = append(ids, u.ID)
	}
	return ids
}

// Give does what Preview says, in one transaction. Lines that cannot be given have their reason as outcome. Refusals:
// those of Preview, Forbidden, Conflict when the same preview was carried out already.
func Give(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, profileID int64, in Input,
) (Plan, error) {
	var p Plan
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := assignment.LockProfileRow(ctx, tx, profileID); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if p, err = read(ctx, tx, profileID, in, now); err != nil {
			return err
		}
		role, err := assignment.RoleNamed(ctx, tx, identity.DefaultRole)
		if err != nil {
			return err
		}
		if err := p.lock(ctx, tx, actor, role); err != nil {
			return err
		}
		if err := once(ctx, tx, profileID, in.Token); err != nil {
			return err
		}
		made, err := p.addUsers(ctx, tx, actor, role, now)
		if err != nil {
			return err
		}
		// Their role comes after it: the copy stays direct, with its end, also when the role hands out the same profile.
		issued, err := assignment.AssignTo(ctx, tx, keys, actor, p.Profile, p.holders(), p.ExpiresAt, now)
		if err != nil {
			return err
		}
		p.show(issued)
		return attachment.GrantRoleTo(ctx, tx, actor, made, role, now)
	})
	if problem.Violates(err, "handouts_pkey") {
		err = problem.Refuse(problem.Conflict, "", "already_given",
			"Nothing is left to do: this preview was carried out already. Give again to see a new one.")
	}
	return p, err
}

// lock locks the users known and the role of new ones, and settles the lines by what they may do now.
func (p *Plan) lock(ctx context.Context, tx database.Tx, actor permission.Actor, role int64) error {
	known, err := users(ctx, tx, p.Lines)
	if err != nil {
		return err
	}
	claim := identity.Claim{
		Needed: permission.CreateAccessProfiles, Users: idsOf(known), Roles: []int64{role}, Shared: true,
	}
	auth, err := claim.Lock(ctx, tx, actor)
	if err != nil {
		return err
	}
	if known, err = users(ctx, tx, p.Lines); err != nil {
		return err
	}
	return p.settle(ctx, tx, auth.Actor, known)
}

// once records that a preview is carried out, so that it cannot be again.
func once(ctx context.Context, tx database.Tx, profileID int64, token input.Value) error {
	if token.Text == "" {
		return nil
	}
	_, err := tx.NewRaw("INSERT INTO handouts (token_hash, access_profile_id) VALUES (?, ?)",
		secret.HashToken(token.Text), profileID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note a handout: %w", err)
	}
	return nil
}

// addUsers adds the new users in one statement, and returns them.
func (p *Plan) addUsers(
	ctx context.Context, tx database.Tx, actor permission.Actor, role int64, now time.Time,
) ([]identity.Holder, error) {
	var made []identity.User
	for i := range p.Lines {
		if line := &p.Lines[i]; line.Outcome == New {
			line.UserID = uuid.NewString()
			made = append(made, identity.User{
				ID: line.UserID, Name: line.Name, Email: line.Email, RoleID: role, Role: identity.DefaultRole,
				CreatedAt: now, UpdatedAt: now,
			})
		}
	}
	if err := identity.InsertUsers(ctx, tx, actor, made); err != nil {
		return nil, err
	}
	holders := make([]identity.Holder, len(made))
	for i, u := range made {
		holders[i] = identity.Holder{ID: u.ID, Email: u.Email}
	}
	return holders, nil
}

// holders are the users who get the profile.
func (p *Plan) holders() []identity.Holder {
	var holders []identity.Holder
	for _, line := range p.Lines {
		if line.Gets() {
			holders = append(holders, identity.Holder{ID: line.UserID, Email: line.Email})
		}
	}
	return holders
}

func (p *Plan) show(issued []virtualkey.Key) {
	of := map[string]virtualkey.Key{}
	for _, key := range issued {
		of[key.UserID] = key
	}
	for i := range p.Lines {
		if key, ok := of[p.Lines[i].UserID]; ok && p.Lines[i].Gets() {
			p.Lines[i].Key = &Key{key.ID, key.Name, key.Value}
		}
	}
}
