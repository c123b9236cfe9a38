package quarantine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tollgate/models/database"
	"tollgate/models/keptevent"
	"tollgate/models/permission"
	"tollgate/models/problem"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Event is reported usage of an unknown key or user.
type Event struct {
	ID string `json:"id"`
	keptevent.Event
	ReceivedAt time.Time   `json:"received_at"`
	Candidates []Candidate `json:"candidates"`

	Outcome   string     `json:"outcome"` // "open", "assigned", "dismissed"
	SettledAt *time.Time `json:"settled_at"`
	SettledBy *string    `json:"settled_by"`
	ChargedTo *string    `json:"charged_user_id"`
	Reason    *string    `json:"reason"`

	// Alike is how many open events came with the same key or the same user_id, this one among them.
	Alike int64 `json:"alike"`

	document string // as it is stored
}

// Outcomes are what a list of quarantined events can be narrowed to. The first is the default.
var Outcomes = []string{"open", "assigned", "dismissed"}

// Query selects the events of a list.
type Query struct {
	Limit, Offset int64
	Outcome       string // one of Outcomes
}

// sender is the key or user that an event was sent with, for comparing.
const sender = "q.event::jsonb ->> 'virtual_key', q.event::jsonb ->> 'user_id'"

// row is an event as it is stored.
type row struct {
	ID                string
	Event             string
	ReceivedAt        time.Time
	Outcome           *string
	SettledAt         *time.Time
	SettledBy, UserID *string
	Reason            *string
	Alike             int64
}

func selectEvents(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("usage_quarantine AS q").ColumnExpr("q.event_id::text AS id").
		Column("q.event", "q.received_at", "q.outcome", "q.settled_at", "q.settled_by", "q.user_id", "q.reason")
}

// List returns a page of the quarantine, the newest first, and how many match in total. Candidates are only for actors
// who may see users.
func List(ctx context.Context, db bun.IDB, actor permission.Actor, q Query) ([]Event, int64, error) {
	rows := []row{}
	matching := selectEvents(db).Where("q.outcome IS NULL")
	if q.Outcome != Outcomes[0] {
		matching = selectEvents(db).Where("q.outcome = ?", q.Outcome)
	}
	total, err := matching.OrderExpr("q.received_at DESC, q.event_id DESC").Limit(q.Limit).Offset(q.Offset).
		ScanAndCount(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list the quarantine: %w", err)
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		if events[i], err = r.read(); err != nil {
			return nil, 0, err
		}
	}
	return events, total, addCandidates(ctx, db, actor, events)
}

// Get returns one event of the quarantine, with candidates as List. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, actor permission.Actor, id string) (Event, error) {
	var stored row
	if known, err := uuid.Parse(id); err != nil || known.String() != id {
		return Event{}, problem.Missing("quarantined event")
	}
	err := selectEvents(db).Where("q.event_id = ?::uuid", id).
		ColumnExpr("(SELECT count(*) FROM usage_quarantine AS other WHERE other.outcome IS NULL AND "+
			"(other.event::jsonb ->> 'virtual_key', other.event::jsonb ->> 'user_id') = ("+sender+")) AS alike").Scan(ctx, &stored)
	if errors.Is(err, sql.ErrNoRows) {
		return Event{}, problem.Missing("quarantined event")
	}
	if err != nil {
		return Event{}, fmt.Errorf("load a quarantined event: %w", err)
	}
	event, err := stored.read()
	if err != nil {
		return event, err
	}
	events := []Event{event}
	err = addCandidates(ctx, db, actor, events)
	return events[0], err
}

func (r row) read() (Event, error) {
	e := Event{
		ID: r.ID, ReceivedAt: r.ReceivedAt, Candidates: []Candidate{}, Outcome: Outcomes[0],
		SettledAt: r.SettledAt, SettledBy: r.SettledBy,
		ChargedTo: r.UserID, Reason: r.Reason, Alike: r.Alike, document: r.Event,
	}
	if err := database.ReadDocument([]byte(r.Event), &e.Event); err != nil {
		return e, fmt.Errorf("read quarantined event %s: %w", r.ID, err)
	}
	if r.Outcome != nil {
		e.Outcome = *r.Outcome
	}
	return e, nil
}
