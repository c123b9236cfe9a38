package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
	"tollgate/models/ledger"
)

const batch = 100 // events

// openLedger starts the floor of what counts, unless it is there already.
func (b *bench) openLedger(ctx context.Context) (*gateway, error) {
	g, err := b.openGateway(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.warm(ctx, g); err != nil {
		return nil, err
	}
	if g.ledger == nil {
		g.ledger, err = b.rival(ctx, "ledger", "/", "-database", g.owner, "-keys", fmt.Sprint(b.options.keys))
	}
	return g, err
}

// counting is a request to the floor.
func (g *gateway) counting(path string, body func() []byte) target {
	t := g.ledger.get(path)
	t.method, t.header = http.MethodPost, http.Header{"Content-Type": {"application/json"}}
	t.workers, t.body = askers, body
	return t
}

// measureReservations compares reservations with an update of one counter each.
func (b *bench) measureReservations(ctx context.Context) error {
	g, err := b.openLedger(ctx)
	if err != nil {
		return err
	}
	ours := g.asking(true)
	theirs := g.counting("/reserve", ours.body)
	for _, t := range []target{ours, theirs} {
		if err := allows(ctx, t, "decision"); err != nil {
			return err
		}
	}
	outcomes, err := b.contest(ctx, contender{ours, b.withDatabase(g.process)},
		contender{theirs, b.withDatabase(g.ledger)})
	if err != nil {
		return err
	}
	b.compare("P8", "reserve, any of the keys", outcomes[0], "UPDATE … RETURNING", outcomes[1], atLeast(0.9))
	b.compareCPU("P8", "CPU of a reservation, database included", outcomes[0], "UPDATE … RETURNING", outcomes[1], nil)
	return nil
}

// measureUsage compares batches of events with the floor, and with the same events one by one: each with a commit of
// its own by the floor, and as the console takes them, which batches those that wait at the same time.
func (b *bench) measureUsage(ctx context.Context) error {
	g, err := b.openLedger(ctx)
	if err != nil {
		return err
	}
	ours, single := g.posting("/api/usage"), g.posting("/api/usage")
	ours.body, single.body = g.events, func() []byte { return g.event(nil) }
	alone := func() []byte { return append(g.event([]byte(`{"events":[`)), "]}"...) }
	outcomes, err := b.contest(ctx, contender{ours, b.withDatabase(g.process)},
		contender{g.counting("/usage", g.events), b.withDatabase(g.ledger)}, contender{target: single},
		contender{target: g.counting("/usage", alone)})
	if err != nil {
		return err
	}
	batches, floor := outcomes[0].times(batch), outcomes[1].times(batch)
	what := fmt.Sprintf("events in batches of %d", batch)
	b.compare("P9", what, batches, "ids and counters", floor, atLeast(0.9))
	b.compareCPU("P9", "CPU of an event, database included", batches, "ids and counters", floor, nil)
	b.compare("P9", what, batches, "one by one", outcomes[3], atLeast(6))
	b.compare("P9", what, batches, "one by one, gathered", outcomes[2], nil)
	return g.checkCounters(ctx)
}

// events is a batch of any keys.
func (g *gateway) events() []byte {
	body := append(make([]byte, 0, batch*320), `{"events":[`...)
	for i := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		body = g.event(body)
	}
	return append(body, "]}"...)
}

func (g *gateway) event(to []byte) []byte {
	return fmt.Appendf(to, `{"event_id":%q,"virtual_key":%q,"provider":%q,"model":%q,"cost":0.00125,"input_tokens":900,"output_tokens":100,"occurred_at":%q}`,
		uuid.NewString(), g.anyKey(), askedProvider, askedModel, time.Now().UTC().Format(time.RFC3339Nano))
}

// checkCounters makes sure that the counters are what the events add up to.
func (g *gateway) checkCounters(ctx context.Context) error {
	address, err := url.Parse(g.owner)
	if err != nil {
		return err
	}
	address.RawQuery += "&statement_timeout=60s"
	db, err := database.Open(address.String())
	if err != nil {
		return err
	}
	defer db.Close()
	_, skewed, err := ledger.Verify(ctx, db)
	if err == nil && len(skewed) > 0 {
		err = fmt.Errorf("%d counters are not what their events add up to, such as %+v", len(skewed), skewed[0])
	}
	return err
}
