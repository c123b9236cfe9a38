package usage

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/access"
	"tollgate/models/acknowledged"
	"tollgate/models/batch"
	"tollgate/models/decision"
	"tollgate/models/problem"
	"tollgate/models/spool"
	"tollgate/models/tally"
)

// Result is what became of one event.
type Result struct {
	EventID   string           `json:"event_id"`
	Status    string           `json:"status"` // "counted", "duplicate", "quarantined", "conflict", "invalid", "spooled"
	Duplicate bool             `json:"duplicate"`
	Errors    problem.Problems `json:"errors,omitempty"`
}

// Recorder counts what gateways report. Reports that arrive while commits are running are batched into the next one;
// each is answered after it is committed.
type Recorder struct {
	db      *bun.DB
	decider *access.Cache
	reports batch.Batcher[*reportRows]
	waiting atomic.Int64 // events in reports

	// Spool keeps events while the database is away; nil for not at all. It is set before Run.
	Spool *spool.Spool

	log    *slog.Logger
	recent acknowledged.Reports[*acknowledgedReport]
	week   tally.OpenWeek
	lost   chan struct{} // the database went back

	metrics recorderMetrics
}

// reportRows is the events of one request, waiting to be stored.
type reportRows struct {
	Events []*Event
	// stored has the keys of the events that this report was the first to store.
	stored map[string]bool
}

// again are the events that were stored before, and those that come again in the report, with their indexes.
func (r *reportRows) again() (events []*Event, at []int) {
	seen := map[string]bool{}
	for i, e := range r.Events {
		if key := e.GatewayID.Key; r.stored[key] && !seen[key] {
			seen[key] = true
			continue
		}
		events, at = append(events, e), append(at, i)
	}
	return events, at
}

// NewRecorder makes a Recorder.
func NewRecorder(db *bun.DB, decider *access.Cache, log *slog.Logger) *Recorder {
	r := &Recorder{db: db, decider: decider, log: log, lost: make(chan struct{}, 1), metrics: newRecorderMetrics()}
	decider.OnLoss(func() {
		r.recent.Lost() // from now on nothing of it is forgotten
		select {
		case r.lost <- struct{}{}:
		default: // it is to be stored again already
		}
	})
	r.reports = batch.Batcher[*reportRows]{
		Run: r.store, Timeout: decision.StoreTime, Max: MaxEvents, Alone: overflows,
		Size: func(report *reportRows) int { return len(report.Events) },
	}
	return r
}

// Record counts events, each once. The answer has a result for each, in their order. Refusals: Invalid and Conflict for
// a single event, TooLarge, Unavailable when it is not known whether they were counted: repeat them with the same ids.
func (r *Recorder) Record(ctx context.Context, in Input) ([]Result, error) {
	inputs, single, err := in.events()
	if err != nil {
		return nil, err
	}
	results, err := r.recordOrSpool(ctx, inputs, single)
	if err != nil && single {
		r.metrics.refused(err)
	}
	for _, result := range results {
		r.metrics.count(result.Status, 1)
	}
	return results, err
}

func (r *Recorder) recordOrSpool(ctx context.Context, inputs []EventInput, single bool) ([]Result, error) {
	if r.Spool != nil && r.decider.Away() {
		return r.spool(ctx, inputs, single)
	}
	results, err := r.record(ctx, inputs, single)
	if err != nil && r.spools(err) {
		return r.spool(ctx, inputs, single)
	}
	return results, err
}

func (r *Recorder) record(ctx context.Context, inputs []EventInput, single bool) ([]Result, error) {
	if err := r.decider.Current(ctx); err != nil {
		return nil, err
	}
	catalogue, err := r.decider.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	now, losses := r.decider.Now(), r.decider.Losses()
	results := make([]Result, len(inputs))
	events, sent, err := readEvents(inputs, single, now, results)
	if err != nil {
		return nil, err
	}
	known, err := r.identify(ctx, events, catalogue, now)
	if err != nil {
		return nil, err
	}
	var own, unknown placedEvents
	for n, event := range events {
		i := sent[n]
		problems := price(catalogue, event, eventPath(i, single))
		switch {
		case len(problems) > 0 && single:
			return nil, problem.InvalidInput(problems)
		case len(problems) > 0:
			results[i].Status, results[i].Errors = "invalid", problems
		case known[n]:
			own.add(event, i)
		default:
			unknown.add(event, i)
		}
	}
	kept, err := r.keep(ctx, unknown.events)
	if err != nil {
		return nil, err
	}
	for n, result := range kept {
		results[unknown.at[n]] = result
	}
	if err := r.count(ctx, own, results); err != nil {
		return nil, err
	}
	if single && results[0].Status == "conflict" {
		return nil, &problem.Refusal{Reason: problem.Conflict, Problems: results[0].Errors}
	}
	report := acknowledgedReport{events: own.accepted(results), kept: unknown.accepted(results)}
	if err := r.acknowledge(ctx, report, losses); err != nil {
		return nil, err
	}
	return results, nil
}

// placedEvents are events of a request with the indexes of their results.
type placedEvents struct {
	events []*Event
	at     []int
}

func (p *placedEvents) add(e *Event, at int) { p.events, p.at = append(p.events, e), append(p.at, at) }

// accepted leaves out conflicts: stored again after a loss, those would replace the originals.
func (p *placedEvents) accepted(results []Result) (events []*Event) {
	for n, e := range p.events {
		if results[p.at[n]].Status != "conflict" {
			events = append(events, e)
		}
	}
	return events
}

// count stores events of users who are known, and sets their results.
func (r *Recorder) count(ctx context.Context, own placedEvents, results []Result) error {
	rows := &reportRows{Events: own.events}
	if len(rows.Events) > 0 {
		if err := r.commit(ctx, rows); err != nil {
			return err
		}
	}
	return r.settle(ctx, rows, own.at, results)
}

// commit waits until a report is stored. Refusals: Conflict when a counter would overflow, Unavailable when it takes
// longer than the request.
func (r *Recorder) commit(ctx context.Context, own *reportRows) error {
	r.waiting.Add(int64(len(own.Events)))
	err := r.reports.Do(ctx, own)
	r.waiting.Add(-int64(len(own.Events)))
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return problem.Refuse(problem.Unavailable, "", "outcome_unknown",
			"It is not known yet whether this was counted. Send the same events again, with the same ids.")
	case tooMuch(err):
		return problem.Refuse(problem.Conflict, "", "counter_full",
			"These numbers are too large to count. Nothing was counted.")
	}
	return err
}

// settle sets the results of events, which are at the given indexes: those that were stored earlier are compared with
// what was sent.
func (r *Recorder) settle(ctx context.Context, own *reportRows, at []int, results []Result) error {
	for _, i := range at {
		results[i].Status = "counted"
	}
	again, where := own.again()
	replaced, err := r.replace(ctx, again)
	if err != nil {
		return err
	}
	conflicts, err := r.conflicts(ctx, again)
	if err != nil {
		return err
	}
	for n, event := range again {
		result := &results[at[where[n]]]
		switch {
		case conflicts[n]:
			*result = conflicting(event)
		case !replaced[n]:
			result.Status, result.Duplicate = "duplicate", true
		}
	}
	return nil
}

// store counts a batch of reports.
func (r *Recorder) store(ctx context.Context, reports []*reportRows) error {
	began := time.Now()
	err := storeReports(ctx, r.db, &r.week, reports)
	users := []uuid.UUID{}
	for _, one := range reports {
		for _, event := range one.Events {
			users = append(users, event.user)
		}
	}
	r.decider.Counted(users...)
	r.noteUsed(reports)
	r.metrics.stored(time.Since(began), len(users))
	return err
}

// noteUsed tells what was stored to decisions from memory.
func (r *Recorder) noteUsed(reports []*reportRows) {
	if !r.decider.FailsOpen() {
		return
	}
	var all []access.Used
	for _, one := range reports {
		for _, event := range one.Events {
			if one.stored[event.GatewayID.Key] {
				all = append(all, event.used()...)
			}
		}
	}
	r.decider.AddUsed(all...)
}

// used is what an event uses of limits.
func (e *Event) used() []access.Used {
	all := make([]access.Used, 0, len(e.Lines))
	for _, l := range e.Lines {
		start, _ := l.Window(e.OccurredAt)
		of := access.UsedOf{Limit: l.ID, Kind: l.Kind, Start: start.UnixMicro()}
		all = append(all, access.Used{User: e.user, Of: of, N: e.amounts().Of(l.Kind)})
	}
	return all
}

// overflows reports whether a counter would overflow with a batch. Then its reports are stored one by one, so that no
// report fails because of another's numbers.
func overflows(_ []*reportRows, err error) bool { return tooMuch(err) }

// tooMuch reports whether a counter would overflow.
func tooMuch(err error) bool {
	code := problem.SQLState(err)
	return code == "22003" || code == "23514" && !problem.FitsNoPartition(err) || errors.Is(err, tally.ErrOverflow)
}
