package propagation

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/money"
	"tollgate/models/policy"
)

// Preview is a Plan as the API answers it.
type Preview struct {
	Changes        []PreviewedChange `json:"changes"`
	UnchangedUsers int               `json:"unchanged_users"`
	OverLimit      []PreviewedLimit  `json:"over_limit"`
}

// PreviewedChange is what differs for users whose copies are in the same state.
type PreviewedChange struct {
	UserIDs []string         `json:"user_ids"`
	Fields  []PreviewedField `json:"fields"`
	Gained  []ServerTools    `json:"tools_gained"`
	Lost    []ServerTools    `json:"tools_lost"`
}

// PreviewedField is one group of fields before and after.
type PreviewedField struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// PreviewedLimit is a limit that blocks calls as soon as the propagation is applied. Spend is in dollars.
type PreviewedLimit struct {
	UserID        string       `json:"user_id"`
	Scope         policy.Scope `json:"scope"`
	Kind          string       `json:"kind"`
	ResetDuration string       `json:"reset_duration"`
	Used          json.Number  `json:"used"`
	Limit         json.Number  `json:"limit"`
	Already       bool         `json:"already"` // it blocks calls now
}

// Preview returns the plan in the shape of the API.
func (p Plan) Preview() (Preview, error) {
	preview := Preview{Changes: []PreviewedChange{}, OverLimit: []PreviewedLimit{}, UnchangedUsers: len(p.Unchanged)}
	for _, change := range p.Changes {
		previewed := PreviewedChange{
			UserIDs: make([]string, len(change.Targets)), Gained: append([]ServerTools{}, change.Gained...),
			Lost: append([]ServerTools{}, change.Lost...),
		}
		for i, t := range change.Targets {
			previewed.UserIDs[i] = t.UserID
		}
		for _, group := range fieldgroup.Named(change.Groups) {
			before, after, err := group.Diff(change.Before.Policy, change.After.Policy)
			if err != nil {
				return preview, err
			}
			previewed.Fields = append(previewed.Fields, PreviewedField{group.Name, before, after})
		}
		if was, is := change.Before.CalendarAligned, change.After.CalendarAligned; was != is {
			previewed.Fields = append(previewed.Fields, PreviewedField{"calendar_aligned", was, is})
		}
		if was, is := change.Before.Zone(), change.After.Zone(); was != is {
			previewed.Fields = append(previewed.Fields, PreviewedField{"time_zone", was, is})
		}
		if was, is := change.Before.FailOpenFor, change.After.FailOpenFor; was != is {
			previewed.Fields = append(previewed.Fields, PreviewedField{"fail_open_for", was, is})
		}
		preview.Changes = append(preview.Changes, previewed)
	}
	for _, over := range p.Over {
		preview.OverLimit = append(preview.OverLimit, PreviewedLimit{
			over.Target.UserID, over.Scope, over.Kind, over.ResetDuration, over.number(over.Used), over.number(over.Limit),
			over.Already,
		})
	}
	return preview, nil
}

func (o OverLimit) number(n int64) json.Number {
	if o.Kind == policy.KindSpend {
		return json.Number(money.Money(n).String())
	}
	return json.Number(strconv.FormatInt(n, 10))
}

// RoleHolders is how many members of a role hold a profile.
type RoleHolders struct {
	RoleID  int64
	Name    string
	Holders int64
}

// HoldersByRole lists the roles whose members hold a profile.
func HoldersByRole(ctx context.Context, db bun.IDB, profileID int64) ([]RoleHolders, error) {
	rows := []RoleHolders{}
	err := db.NewRaw(`
SELECT r.id AS role_id, r.name, count(*) AS holders FROM user_access_profiles AS c
JOIN users AS u ON u.id = c.user_id JOIN roles AS r ON r.id = u.role_id
WHERE c.access_profile_id = ? GROUP BY r.id ORDER BY r.name_key`, profileID).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count holders by role: %w", err)
	}
	return rows, nil
}

// Finished reports whether a propagation is done.
func Finished(ctx context.Context, db bun.IDB, id int64) (bool, error) {
	var state string
	if err := db.NewRaw("SELECT state FROM propagation_jobs WHERE id = ?", id).Scan(ctx, &state); err != nil {
		return false, fmt.Errorf("read the state of propagation %d: %w", id, err)
	}
	return state == "done", nil
}

// ProfilesToAssign lists the active profiles that a user does not hold, by name.
func ProfilesToAssign(ctx context.Context, db bun.IDB, user string) ([]database.Named, error) {
	rows := []database.Named{}
	err := db.NewRaw(`
SELECT p.id, p.name FROM access_profiles AS p WHERE p.is_active
AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.access_profile_id = p.id AND c.user_id = ?)
ORDER BY p.name_key LIMIT 1000`, user).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list profiles to assign: %w", err)
	}
	return rows, nil
}
