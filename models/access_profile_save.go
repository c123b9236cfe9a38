package models

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// CreateAccessProfile checks and stores a new template with its first version. Refusals: Invalid with every problem, Conflict when the
// name is taken.
func CreateAccessProfile(ctx context.Context, db bun.IDB, actor Actor, in AccessProfileInput) (AccessProfile, error) {
	var created AccessProfile
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		refs, err := in.references(ctx, tx)
		if err != nil {
			return err
		}
		profile, problems := in.apply(AccessProfile{IsActive: true}, refs)
		if err := invalid(problems); err != nil {
			return err
		}
		created, err = insertProfile(ctx, tx, actor, "create", profile, refs.now)
		return err
	})
	return created, nameTaken(err)
}

// UpdateAccessProfile changes the fields sent. With ifVersion it refuses as Stale when the template has another version by now.
// Nothing changed means no new version. Refusals: NotFound, Stale, Invalid, Conflict when the name is taken.
func UpdateAccessProfile(ctx context.Context, db bun.IDB, actor Actor, id int64, ifVersion *int64, in AccessProfileInput) (AccessProfile, error) {
	return changeProfile(ctx, db, actor, id, ifVersion, "update", func(ctx context.Context, tx bun.Tx, old AccessProfile) (AccessProfile, time.Time, error) {
		refs, err := in.references(ctx, tx)
		if err != nil {
			return old, time.Time{}, err
		}
		profile, problems := in.apply(old.detached(), refs)
		return profile, refs.now, invalid(problems)
	})
}

// SetAccessProfileActive activates or deactivates a template; doing it again changes nothing.
func SetAccessProfileActive(ctx context.Context, db bun.IDB, actor Actor, id int64, ifVersion *int64, active bool) (AccessProfile, error) {
	action := "deactivate"
	if active {
		action = "activate"
	}
	return changeProfile(ctx, db, actor, id, ifVersion, action, func(ctx context.Context, tx bun.Tx, old AccessProfile) (AccessProfile, time.Time, error) {
		refs, err := loadReferences(ctx, tx, []string{}, []string{}, []int64{})
		if err != nil {
			return old, time.Time{}, err
		}
		profile := old.detached()
		profile.IsActive = active
		return profile, refs.now, nil
	})
}

// DeleteAccessProfile removes a template with its policy and versions; its audit rows stay, and no role hands it out any more. Refusals:
// NotFound, Stale, Conflict while somebody holds a copy.
func DeleteAccessProfile(ctx context.Context, db bun.IDB, actor Actor, id int64, ifVersion *int64) error {
	return inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		old, err := lockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := old.fresh(ifVersion); err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		if err := heldByNobody(ctx, tx, old.AccessProfile); err != nil {
			return err
		}
		roles, err := ProfileRoles(ctx, tx, id)
		if err != nil {
			return err
		}
		// One statement after the other: the policy's foreign key is checked when its own statement ends.
		if _, err := tx.NewDelete().Model((*profileRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete access profile %d: %w", id, err)
		}
		if _, err := tx.NewDelete().Table("policies").Where("id = ?", old.policyID).Exec(ctx); err != nil {
			return fmt.Errorf("delete the policy of access profile %d: %w", id, err)
		}
		c := change{ProfileID: &id, Actor: actor.Name, Origin: actor.origin(), Action: "delete", Previous: old.snapshot, At: now}
		if len(roles) > 0 {
			if err := c.documents(nil, nil, map[string]any{"detached_roles": roles}); err != nil {
				return err
			}
		}
		return record(ctx, tx, c)
	})
}

// heldByNobody refuses to take away a template that somebody holds. Whoever hands one out waits for its lock.
func heldByNobody(ctx context.Context, tx bun.Tx, p AccessProfile) error {
	holders, err := CountHolders(ctx, tx, []int64{p.ID})
	if err != nil {
		return err
	}
	if n := holders[p.ID]; n > 0 {
		return Refuse(Conflict, "", "profile_in_use", clip(p.Name)+" cannot be deleted while "+countOf(n, "user holds", "users hold")+" a copy of it. Detach them first.")
	}
	return nil
}

// stored is a template as it stands in the database, locked until the transaction ends.
type stored struct {
	AccessProfile
	policyID      int64
	policyVersion int64
	snapshot      json.RawMessage
}

func (s stored) fresh(ifVersion *int64) error {
	if ifVersion != nil && *ifVersion != s.Version {
		return Refuse(Stale, "", "version_mismatch", fmt.Sprintf("Somebody saved this profile meanwhile: it has version %d, not %d.", s.Version, *ifVersion))
	}
	return nil
}

func lockProfile(ctx context.Context, tx bun.Tx, id int64) (stored, error) {
	var row struct{ PolicyID, Version, PolicyVersion int64 }
	if err := tx.NewRaw("SELECT policy_id, version, policy_version FROM access_profiles WHERE id = ? FOR UPDATE", id).Scan(ctx, &row); err != nil {
		return stored{}, found(err, "access profile")
	}
	// A statement of its own: only one that starts after the lock was got sees the version that a writer before us added.
	var snapshot string
	err := tx.NewRaw("SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ? AND version = ?", id, row.Version).Scan(ctx, &snapshot)
	if err != nil {
		return stored{}, fmt.Errorf("load version %d of access profile %d: %w", row.Version, id, err)
	}
	s := stored{policyID: row.PolicyID, policyVersion: row.PolicyVersion, snapshot: json.RawMessage(snapshot)}
	if err := json.Unmarshal(s.snapshot, &s.AccessProfile); err != nil {
		return s, fmt.Errorf("read the snapshot of access profile %d: %w", id, err)
	}
	return s, nil
}

// changeProfile locks a template, lets edit make the next one, and stores it as a new version unless nothing differs.
func changeProfile(
	ctx context.Context, db bun.IDB, actor Actor, id int64, ifVersion *int64, action string,
	edit func(context.Context, bun.Tx, AccessProfile) (AccessProfile, time.Time, error),
) (AccessProfile, error) {
	var profile AccessProfile
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		old, err := lockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := old.fresh(ifVersion); err != nil {
			return err
		}
		var now time.Time
		if profile, now, err = edit(ctx, tx, old.AccessProfile); err != nil {
			return err
		}
		profile.adopt(old.Policy, now)
		if same, err := json.Marshal(profile); err != nil || bytes.Equal(same, old.snapshot) {
			return err
		}
		profile.Version, profile.UpdatedAt = old.Version+1, now
		return updateProfile(ctx, tx, actor, action, old, &profile)
	})
	return profile, nameTaken(err)
}

func insertProfile(ctx context.Context, tx bun.Tx, actor Actor, action string, profile AccessProfile, now time.Time) (AccessProfile, error) {
	profile.Version, profile.CreatedAt, profile.UpdatedAt = 1, now, now
	profile.adopt(Policy{}, now)
	row := profile.row(0, profile.Version)
	err := tx.NewInsert().Model(&row).
		With("policy", tx.NewRaw("INSERT INTO policies (calendar_aligned, time_zone) VALUES (?, ?) RETURNING id", profile.CalendarAligned, profile.TimeZone)).
		Value("policy_id", "(SELECT id FROM policy)").
		Returning("id, policy_id").Scan(ctx)
	if err != nil {
		return profile, fmt.Errorf("insert access profile: %w", err)
	}
	profile.ID = row.ID
	with, err := savePolicy(ctx, tx, row.PolicyID, Policy{}, &profile.Policy)
	if err != nil {
		return profile, err
	}
	snapshot, err := insertVersion(ctx, tx, actor, profile, append(with, changeTags(tx, AccessProfile{}, profile)...))
	if err != nil {
		return profile, err
	}
	return profile, record(ctx, tx, change{ProfileID: &profile.ID, Actor: actor.Name, Origin: actor.origin(), Action: action, New: snapshot, At: now})
}

func updateProfile(ctx context.Context, tx bun.Tx, actor Actor, action string, old stored, profile *AccessProfile) error {
	policyVersion := old.policyVersion
	if len(differing(old.Policy, profile.Policy, FieldGroups)) > 0 {
		policyVersion = profile.Version
	}
	row := profile.row(old.policyID, policyVersion)
	columns := []string{"name", "description", "search_key", "tags", "tag_keys", "is_active", "version", "updated_at", "policy_version"}
	if profile.Name != old.Name {
		columns = append(columns, "name_key") // a name that stays keeps the key it has
	}
	_, err := tx.NewUpdate().Model(&row).
		With("policy", tx.NewRaw("UPDATE policies SET calendar_aligned = ?, time_zone = ? WHERE id = ?", profile.CalendarAligned, profile.TimeZone, old.policyID)).
		Column(columns...).WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update access profile %d: %w", profile.ID, err)
	}
	with, err := savePolicy(ctx, tx, old.policyID, old.Policy, &profile.Policy)
	if err != nil {
		return err
	}
	snapshot, err := insertVersion(ctx, tx, actor, *profile, append(with, changeTags(tx, old.AccessProfile, *profile)...))
	if err != nil {
		return err
	}
	return record(ctx, tx, change{
		ProfileID: &profile.ID, Actor: actor.Name, Origin: actor.origin(), Action: action, Previous: old.snapshot, New: snapshot, At: profile.UpdatedAt,
	})
}

func nameTaken(err error) error {
	if violates(err, "access_profiles_name_taken") {
		return errNameTaken
	}
	return err
}

// CheckAccessProfile tells what a save would refuse now, without saving: for a form that is being put right. Id is 0 for a new profile.
func CheckAccessProfile(ctx context.Context, db bun.IDB, id int64, in AccessProfileInput) (Problems, error) {
	var problems Problems
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		refs, err := in.references(ctx, tx)
		if err != nil {
			return err
		}
		_, problems = in.apply(AccessProfile{IsActive: true}, refs)
		var taken bool
		name := tidy(in.Name.Text)
		if err := tx.NewRaw("SELECT EXISTS (SELECT 1 FROM access_profiles WHERE name_key = ?0 AND id <> ?1)"+
			" AND NOT EXISTS (SELECT 1 FROM access_profiles WHERE id = ?1 AND name = ?2)", NameKey(name), id, name).Scan(ctx, &taken); err != nil {
			return fmt.Errorf("look for the name: %w", err)
		}
		if taken {
			problems = append(problems, errNameTaken.Problems...)
		}
		return nil
	})
	return problems, err
}

var errNameTaken = Refuse(Conflict, "name", "name_taken", "Choose another name: there is a profile with this name already.")
