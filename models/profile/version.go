package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Version is a profile as a change left it. The snapshot is the API document at that time.
type Version struct {
	ID              int64     `json:"id"`
	AccessProfileID int64     `json:"access_profile_id"`
	Version         int64     `json:"version"`
	Name            string    `json:"name"`
	Description     *string   `json:"description"`
	Snapshot        string    `json:"snapshot"`
	ChangedBy       string    `json:"changed_by"`
	CreatedAt       time.Time `json:"created_at"`
	Note            string    `json:"note,omitempty"` // why it was saved
}

// Profile reads the snapshot.
func (v Version) Profile() (Profile, error) {
	var profile Profile
	if err := database.ReadDocument([]byte(v.Snapshot), &profile); err != nil {
		return profile, fmt.Errorf("read version %d of access profile %d: %w", v.Version, v.AccessProfileID, err)
	}
	return profile, nil
}

// SelectVersions reads versions without their snapshots.
const SelectVersions = `
SELECT id, access_profile_id, version, name, description, snapshot, changed_by, created_at,
    coalesce(note, '') AS note
FROM access_profile_versions
WHERE access_profile_id = ?`

// ListVersions returns a page of a profile's versions, newest first, and how many there are. Refusal: NotFound.
func ListVersions(
	ctx context.Context, db bun.IDB, id, limit, offset int64,
) (versions []Version, total int64, err error) {
	// Versions have no gaps, so the newest is also their number.
	if err = db.NewRaw("SELECT version FROM access_profiles WHERE id = ?", id).Scan(ctx, &total); err != nil {
		return nil, 0, problem.NotFoundOr(err, "access profile")
	}
	versions = []Version{}
	if err = db.NewRaw(SelectVersions+" ORDER BY version DESC LIMIT ? OFFSET ?", id, limit, offset).
		Scan(ctx, &versions); err != nil {
		return nil, 0, fmt.Errorf("list versions of access profile %d: %w", id, err)
	}
	return versions, total, nil
}

// FindVersion returns one version of a profile. Refusal: NotFound.
func FindVersion(ctx context.Context, db bun.IDB, id, version int64) (Version, error) {
	var v Version
	if err := db.NewRaw(SelectVersions+" AND version = ?", id, version).Scan(ctx, &v); err != nil {
		return v, problem.NotFoundOr(err, "version")
	}
	return v, nil
}

// RestoreVersion stores the state of an earlier version as the newest; whether the profile is active stays. Limits that
// match keep their ids. Refusals: NotFound, Stale, Invalid when something it names was deleted, Conflict when its name
// is taken by now.
func RestoreVersion(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64, version int64,
) (Profile, error) {
	return changeProfile(ctx, db, actor, id, ifVersion, "restore",
		func(ctx context.Context, tx database.Tx, old Profile) (Profile, time.Time, error) {
			v, err := FindVersion(ctx, tx, id, version)
			if err != nil {
				return old, time.Time{}, err
			}
			was, err := v.Profile()
			if err != nil {
				return old, time.Time{}, err
			}
			in := was.Input()
			refs, err := in.references(ctx, tx)
			if err != nil {
				return old, time.Time{}, err
			}
			profile, problems := in.applyTo(old.detached(), refs)
			return profile, refs.Now, problem.InvalidInput(problems)
		})
}
