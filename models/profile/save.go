package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// Create checks and stores a new profile with its first version. Refusals: Invalid with every problem, Conflict when
// the name is taken.
func Create(ctx context.Context, db bun.IDB, actor permission.Actor, in Input) (Profile, error) {
	var created Profile
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		refs, err := in.references(ctx, tx)
		if err != nil {
			return err
		}
		profile, problems := in.applyTo(Profile{IsActive: true}, refs)
		if err := problem.InvalidInput(problems); err != nil {
			return err
		}
		created, err = insertProfile(ctx, tx, actor, "create", profile, refs.Now)
		return err
	})
	return created, nameTaken(err)
}

// Update changes the fields sent. With ifVersion it refuses as Stale when the profile has another version by now.
// Without a difference there is no new version. Refusals: NotFound, Stale, Invalid, Conflict when the name is taken.
func Update(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64, in Input,
) (Profile, error) {
	return changeProfile(ctx, db, actor, id, ifVersion, "update",
		func(ctx context.Context, tx database.Tx, old Profile) (Profile, time.Time, error) {
			refs, err := in.references(ctx, tx)
			if err != nil {
				return old, time.Time{}, err
			}
			profile, problems := in.applyTo(old.detached(), refs)
			return profile, refs.Now, problem.InvalidInput(problems)
		})
}

// SetActive activates or deactivates a profile; it is idempotent.
func SetActive(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64, active bool,
) (Profile, error) {
	action := "deactivate"
	if active {
		action = "activate"
	}
	return changeProfile(ctx, db, actor, id, ifVersion, action,
		func(ctx context.Context, tx database.Tx, old Profile) (Profile, time.Time, error) {
			refs, err := mcptool.LoadReferences(ctx, tx, []string{}, []string{}, []int64{})
			if err != nil {
				return old, time.Time{}, err
			}
			profile := old.detached()
			profile.IsActive = active
			return profile, refs.Now, nil
		})
}

// Stored is the current version of a profile in the database, locked until the transaction ends.
type Stored struct {
	Profile
	policyID      int64
	policyVersion int64
	snapshot      json.RawMessage
}

// Fresh refuses a change that was made from another version than the stored one. Refusal: Stale.
func (s Stored) Fresh(ifVersion *int64) error {
	if ifVersion != nil && *ifVersion != s.Version {
		return problem.Refuse(problem.Stale, "", "version_mismatch",
			fmt.Sprintf("This profile was saved meanwhile: it has version %d, not %d.", s.Version, *ifVersion))
	}
	return nil
}

// LockProfile locks a profile until the transaction ends, and reads it.
func LockProfile(ctx context.Context, tx database.Tx, id int64) (Stored, error) {
	var row struct{ PolicyID, Version, PolicyVersion int64 }
	if err := tx.NewRaw("SELECT policy_id, version, policy_version FROM access_profiles WHERE id = ? FOR UPDATE", id).
		Scan(ctx, &row); err != nil {
		return Stored{}, problem.NotFoundOr(err, "access profile")
	}
	// A separate statement: only one that starts after the lock was taken sees the version that an earlier writer added.
	var snapshot string
	err := tx.NewRaw("SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ? AND version = ?", id,
		row.Version).Scan(ctx, &snapshot)
	if err != nil {
		return Stored{}, fmt.Errorf("load version %d of access profile %d: %w", row.Version, id, err)
	}
	s := Stored{policyID: row.PolicyID, policyVersion: row.PolicyVersion, snapshot: json.RawMessage(snapshot)}
	if err := database.ReadDocument(s.snapshot, &s.Profile); err != nil {
		return s, fmt.Errorf("read the snapshot of access profile %d: %w", id, err)
	}
	return s, nil
}

// changeProfile locks a profile, lets edit make the next state, and stores it as a new version unless nothing differs.
func changeProfile(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64, action string,
	edit func(context.Context, database.Tx, Profile) (Profile, time.Time, error),
) (Profile, error) {
	var profile Profile
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := LockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := old.Fresh(ifVersion); err != nil {
			return err
		}
		var now time.Time
		if profile, now, err = edit(ctx, tx, old.Profile); err != nil {
			return err
		}
		profile.Adopt(old.Policy, now)
		if same, err := json.Marshal(profile); err != nil || bytes.Equal(same, old.snapshot) {
			return err
		}
		profile.Version, profile.UpdatedAt = old.Version+1, now
		return updateProfile(ctx, tx, actor, action, old, &profile)
	})
	return profile, nameTaken(err)
}

func insertProfile(
	ctx context.Context, tx database.Tx, actor permission.Actor, action string, profile Profile, now time.Time,
) (Profile, error) {
	profile.Version, profile.CreatedAt, profile.UpdatedAt = 1, now, now
	profile.Adopt(policy.Policy{}, now)
	policyID, err := policy.Insert(ctx, tx, profile.Calendar)
	if err != nil {
		return profile, err
	}
	row := profile.row(policyID, profile.Version)
	if err := tx.NewInsert().Model(&row).Returning("id").Scan(ctx); err != nil {
		return profile, fmt.Errorf("insert access profile: %w", err)
	}
	profile.ID = row.ID
	empty := policy.Policy{Calendar: profile.Calendar}
	if err := policy.Save(ctx, tx, policyID, empty, &profile.Policy); err != nil {
		return profile, err
	}
	if err := saveTags(ctx, tx, Profile{}, profile); err != nil {
		return profile, err
	}
	snapshot, err := insertVersion(ctx, tx, actor, profile)
	if err != nil {
		return profile, err
	}
	change, err := profile.noted(audit.Change{
		ProfileID: &profile.ID, Actor: actor.Name,
		Origin: audit.OriginOf(actor), Action: action, New: snapshot, At: now,
	})
	if err != nil {
		return profile, err
	}
	return profile, audit.Record(tx, change)
}

func updateProfile(
	ctx context.Context, tx database.Tx, actor permission.Actor, action string, old Stored, profile *Profile,
) error {
	policyVersion := old.policyVersion
	if len(fieldgroup.Differing(old.Policy, profile.Policy, fieldgroup.Names)) > 0 {
		policyVersion = profile.Version
	}
	row := profile.row(old.policyID, policyVersion)
	columns := []string{
		"name", "description", "search_key", "tags", "tag_keys", "is_active", "version", "updated_at",
		"policy_version",
	}
	if profile.Name != old.Name {
		columns = append(columns, "name_key") // a name that stays keeps the key it has
	}
	if _, err := tx.NewUpdate().Model(&row).Column(columns...).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("update access profile %d: %w", profile.ID, err)
	}
	if err := policy.Save(ctx, tx, old.policyID, old.Policy, &profile.Policy); err != nil {
		return err
	}
	if err := saveTags(ctx, tx, old.Profile, *profile); err != nil {
		return err
	}
	snapshot, err := insertVersion(ctx, tx, actor, *profile)
	if err != nil {
		return err
	}
	change, err := profile.noted(audit.Change{
		ProfileID: &profile.ID, Actor: actor.Name, Origin: audit.OriginOf(actor), Action: action, Previous: old.snapshot,
		New: snapshot, At: profile.UpdatedAt,
	})
	if err != nil {
		return err
	}
	return audit.Record(tx, change)
}

func nameTaken(err error) error {
	if problem.Violates(err, "access_profiles_name_taken") {
		return errNameTaken
	}
	return err
}

// Check reports what a save would refuse now, without saving: for a form that is being corrected. Id is 0 for a new
// profile.
func Check(ctx context.Context, db bun.IDB, id int64, in Input) (problem.Problems, error) {
	var problems problem.Problems
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		refs, err := in.references(ctx, tx)
		if err != nil {
			return err
		}
		_, problems = in.applyTo(Profile{IsActive: true}, refs)
		var taken bool
		name := input.Tidy(in.Name.Text)
		if err := tx.NewRaw("SELECT EXISTS (SELECT 1 FROM access_profiles WHERE name_key = ?0 AND id <> ?1)"+
			" AND NOT EXISTS (SELECT 1 FROM access_profiles WHERE id = ?1 AND name = ?2)", input.NameKey(name), id, name).
			Scan(ctx, &taken); err != nil {
			return fmt.Errorf("look for the name: %w", err)
		}
		if taken {
			problems = append(problems, errNameTaken.Problems...)
		}
		return nil
	})
	return problems, err
}

var errNameTaken = problem.Refuse(problem.Conflict, "name", "name_taken",
	"Choose another name: there is a profile with this name already.")
