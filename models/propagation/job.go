package propagation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// Job is a propagation of a profile, running or done, with its result.
type Job struct {
	bun.BaseModel `bun:"table:propagation_jobs"`

	ID              int64 `bun:",pk,autoincrement"`
	AccessProfileID int64
	ToVersion       int64
	Fields          []string `bun:",array"`
	ResetUsage      bool
	Actor           string
	audit.Origin           // of the actor
	State           string // "running" or "done"
	LeaseUntil      time.Time
	Fence           int64 // of the worker that holds the lease
	CreatedAt       time.Time
	FinishedAt      *time.Time
	PreviewToken    []byte // hash of the token of the preview that was applied

	Done, Waiting int64           `bun:"-"`
	Users         []string        `bun:"-"` // whose copies were changed
	Skipped       []SkippedTarget `bun:"-"`
	Failed        []SkippedTarget `bun:"-"`
	Conflicts     []MCPConflict   `bun:"-"` // in the copies that are done
}

// Finished reports whether every copy has been processed.
func (p Job) Finished() bool { return p.State == "done" }

// Total is how many copies it includes.
func (p Job) Total() int64 {
	return p.Done + p.Waiting + int64(len(p.Skipped)+len(p.Failed))
}

// Start stores a propagation with every copy it includes; a worker does the rest. Its first lease is the caller's.
// Refusals: NotFound, Stale, Invalid, Forbidden when a user with such a copy may do more than the actor, Conflict when
// one is running or the profile was changed concurrently.
func Start(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64, in Input) (Job, error) {
	return start(ctx, db, actor, id, ifVersion, in.read)
}

// start is Start for what choose returns.
func start(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64,
	choose func(context.Context, bun.IDB) (propagation, error),
) (Job, error) {
	seen, err := profile.Get(ctx, db, id)
	if err != nil {
		return Job{}, err
	}
	var job Job
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		current, err := profile.LockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := current.Fresh(ifVersion); err != nil {
			return err
		}
		if current.Version != seen.Version {
			return profileChanged(current.Profile)
		}
		claim := identity.Claim{Needed: permission.CreateAccessProfiles + " or " + permission.UpdateAccessProfiles, Shared: true}
		locked, err := claim.Lock(ctx, tx, actor)
		if err != nil {
			return err
		}
		p, err := choose(ctx, tx)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		job = Job{
			AccessProfileID: id, ToVersion: current.Version, Fields: p.fields, ResetUsage: p.reset, Actor: actor.Name,
			Origin: audit.OriginOf(actor), State: "running",
			LeaseUntil: now.Add(lease), Fence: 1, CreatedAt: now, PreviewToken: p.token,
		}
		if err := job.insert(ctx, tx, p, now); err != nil {
			return err
		}
		return locked.MayPropagateTo(ctx, tx, job.ID)
	})
	if problem.Violates(err, "propagation_jobs_preview") {
		return job, problem.Refuse(problem.Conflict, "", "already_applied", "This preview was applied already: "+
			"0 left to change.")
	}
	if problem.Violates(err, "propagation_jobs_running") {
		return job, problem.Refuse(problem.Conflict, "", "propagation_running",
			"Wait for the propagation of this profile that runs now, then try again.")
	}
	return job, err
}

func profileChanged(shown profile.Profile) error {
	return problem.Refuse(problem.Conflict, "", "template_changed",
		"Look at the preview again: "+problem.Clip(shown.Name)+" was changed meanwhile and has version "+
			strconv.FormatInt(shown.Version, 10)+" now.")
}

func (p *Job) insert(ctx context.Context, tx database.Tx, chosen propagation, now time.Time) error {
	if _, err := tx.NewInsert().Model(p).Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("store propagation: %w", err)
	}
	err := tx.NewRaw(insertItems, p.ID, chosen.copies(tx, p.AccessProfileID, now), pgdialect.Array(chosen.users),
		skipNoCopy).Scan(ctx, &p.Waiting)
	if err != nil {
		return fmt.Errorf("store the copies of propagation %d: %w", p.ID, err)
	}
	return nil
}

// insertItems stores the copies ?1 of a job ?0, and those of the users ?2 who have none, under ids that no copy has. It
// counts those that wait.
const insertItems = `
WITH chosen AS (?1), added AS (
    INSERT INTO propagation_items (job_id, copy_id, user_id, state, reason)
    SELECT ?0, id, user_id, CASE WHEN skip = '' THEN 'waiting' ELSE 'skipped' END, nullif(skip, '')
    FROM (SELECT id, user_id, skip FROM chosen
        UNION ALL SELECT -n, named.user_id, ?3 FROM unnest(?2::text[]) WITH ORDINALITY AS named(user_id, n)
        WHERE named.user_id NOT IN (SELECT user_id FROM chosen)) AS item
    ORDER BY id
    RETURNING state
)
SELECT count(*) FROM added WHERE state = 'waiting'`

// Get returns the progress of a propagation. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, profileID, id int64) (Job, error) {
	var p Job
	if err := db.NewSelect().Model(&p).Where("id = ? AND access_profile_id = ?", id, profileID).Scan(ctx); err != nil {
		return p, problem.NotFoundOr(err, "propagation of this profile")
	}
	var rows []struct {
		UserID, State, Reason, Name, Email string
	}
	err := db.NewRaw(`
SELECT i.user_id, i.state, coalesce(i.reason, '') AS reason, coalesce(u.name, '') AS name, coalesce(u.email,
    '') AS email
FROM propagation_items AS i LEFT JOIN users AS u ON u.id = i.user_id WHERE i.job_id = ? ORDER BY i.copy_id`, id).Scan(ctx, &rows)
	if err != nil {
		return p, fmt.Errorf("load the copies of propagation %d: %w", id, err)
	}
	p.Users = []string{}
	for _, row := range rows {
		one := SkippedTarget{row.UserID, row.Name, row.Email, row.Reason}
		switch row.State {
		case "done":
			p.Done++
			p.Users = append(p.Users, row.UserID)
		case "waiting":
			p.Waiting++
		case "skipped":
			p.Skipped = append(p.Skipped, one)
		case "failed":
			p.Failed = append(p.Failed, one)
		}
	}
	p.Conflicts, err = conflictsLeft(ctx, db, profileID, p.Users)
	return p, err
}

// Retry repeats a propagation for the copies that failed, which may be more than a client can name. Refusals: NotFound,
// Invalid when none failed, Conflict when the profile has changed since, or when a propagation is running.
func Retry(ctx context.Context, db bun.IDB, actor permission.Actor, profileID, id int64) (Job, error) {
	before, err := Get(ctx, db, profileID, id)
	if err != nil {
		return before, err
	}
	if len(before.Failed) == 0 {
		return before, problem.Refuse(problem.Invalid, "", "nothing_failed", "There is nothing to try again: no copy failed.")
	}
	chosen := propagation{fields: before.Fields, reset: before.ResetUsage}
	for _, failed := range before.Failed {
		if failed.Email != "" { // else the user was deleted
			chosen.users = append(chosen.users, failed.UserID)
		}
	}
	if len(chosen.users) == 0 {
		return before, problem.Refuse(problem.Invalid, "", "nothing_failed",
			"There is nothing to try again: the users whose copies failed were deleted.")
	}
	slices.Sort(chosen.users)
	again, err := start(ctx, db, actor, profileID, &before.ToVersion,
		func(context.Context, bun.IDB) (propagation, error) { return chosen, nil })
	var refusal *problem.Refusal
	if errors.As(err, &refusal) && refusal.Reason == problem.Stale {
		shown, loadErr := profile.Get(ctx, db, profileID)
		if loadErr != nil {
			return again, loadErr
		}
		return again, profileChanged(shown)
	}
	return again, err
}

// Applied is the propagation that applied the preview of an input; nil when the preview was not applied.
func Applied(ctx context.Context, db bun.IDB, profileID int64, in Input) (*Job, error) {
	token := in.previewToken()
	if token == nil {
		return nil, nil
	}
	var rows []Job
	if err := db.NewSelect().Model(&rows).Where("preview_token = ? AND access_profile_id = ?", token, profileID).
		Scan(ctx); err != nil {
		return nil, fmt.Errorf("look up the propagation of a preview: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// Last is the newest propagation of a profile; nil when there was none.
func Last(ctx context.Context, db bun.IDB, profileID int64) (*Job, error) {
	var rows []Job
	if err := db.NewSelect().Model(&rows).Where("access_profile_id = ?", profileID).Order("id DESC").Limit(1).
		Scan(ctx); err != nil {
		return nil, fmt.Errorf("look up the last propagation: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}
