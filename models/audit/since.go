package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// mostSince is how many changes Since returns: more than a user reads before they save again.
const mostSince = 10

// Since returns the last changes of a resource that were made since the state that it had when it was changed at the
// time given, newest first.
func Since(ctx context.Context, db bun.IDB, resource, id string, state time.Time) ([]Entry, error) {
	rows := []Entry{}
	q := Query{Resource: resource, Since: &state}
	if resource == "user" {
		q.UserID = id
	}
	err := q.filter(db.NewSelect()).Column(q.columns()...).Where("metadata::jsonb ->> 'id' = ?", id).
		Order("id DESC").Limit(mostSince).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list the changes of %s %s: %w", resource, id, err)
	}
	return slices.DeleteFunc(rows, func(e Entry) bool { return e.changesBefore(state) }), nil
}

// changesBefore reports whether a row is of a change that led to a state or to an earlier one: the row of a change is
// written a moment after the change itself.
func (e Entry) changesBefore(state time.Time) bool {
	var previous struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	if e.PreviousValues == nil || database.ReadDocument([]byte(*e.PreviousValues), &previous) != nil {
		return true
	}
	return previous.UpdatedAt.Before(state)
}
