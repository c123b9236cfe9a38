package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	usageClients = 8
	usageRate    = 20 // events a second of each client
)

// countUsage adds one event's usage to the counters of the lines that it falls under: those of the whole policy and
// those of the providers named. Counters are taken in the order of their key, and only ever added to.
const countUsage = `
WITH line AS (
    SELECT l.id, l.kind, l.reset_duration AS duration, CASE l.kind WHEN 'spend' THEN 1000000 WHEN 'tokens' THEN 500
        ELSE 1 END AS amount,
           window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, l.carried_from,
               l.carried_until, now()) AS start
    FROM policies AS p JOIN limit_lines AS l ON l.policy_id = p.id
    WHERE p.id = ANY ($1) AND (l.provider_name IS NULL OR l.provider_name = ANY ($2))
)
INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT id, kind, duration, start, amount FROM line ORDER BY 1, 2, 3, 4
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = limit_windows.used + excluded.used`

// usage is the traffic of several clients that make counters move.
type counts struct {
	db       *pgxpool.Pool
	policies []int64
	before   int64 // requests counted
	sent     int64
}

// openUsage connects as the console does.
func (t *template) openUsage(ctx context.Context) (*counts, error) {
	policies, err := t.policies(ctx)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(t.socket.URL(servingRole))
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = usageClients, usageClients
	u := &counts{policies: policies}
	if u.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if _, err := u.during(ctx, func() error { return pause(ctx, t.slice/2) }); err != nil { // once without counting
		return nil, err
	}
	u.sent = 0
	u.before, err = u.requests(ctx)
	return u, err
}

// during has usage arrive while something is done, and returns how long each event waited for its COMMIT since it was
// due: an event that could not be sent in time has waited too.
func (u *counts) during(ctx context.Context, do func() error) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var (
		group sync.WaitGroup
		ended = make(chan struct{})
		took  = make([][]time.Duration, usageClients)
		errs  = make([]error, usageClients)
	)
	for i := range usageClients {
		group.Go(func() { took[i], errs[i] = u.client(ctx, ended, time.Duration(i)*time.Second/(usageClients*usageRate)) })
	}
	err := do()
	close(ended)
	group.Wait()
	all := slices.Concat(took...)
	u.sent += int64(len(all))
	return all, errors.Join(append(errs, err)...)
}

// client sends its events, each when it is due, until the end.
func (u *counts) client(
	ctx context.Context, ended <-chan struct{}, offset time.Duration,
) (took []time.Duration, err error) {
	for due := time.Now().Add(offset); ; due = due.Add(time.Second / usageRate) {
		select {
		case <-ended:
			return took, nil
		case <-time.After(time.Until(due)):
		}
		policy, provider := u.policies[rand.IntN(len(u.policies))], providersUsed[rand.IntN(len(providersUsed))] //nolint:gosec // any will do
		if _, err := u.db.Exec(ctx, countUsage, []int64{policy}, []string{provider}); err != nil {
			return took, fmt.Errorf("count usage: %w", err)
		}
		took = append(took, time.Since(due))
	}
}

func (u *counts) requests(ctx context.Context) (n int64, err error) {
	err = u.db.QueryRow(ctx, "SELECT coalesce(sum(used), 0)::bigint FROM limit_windows WHERE kind = 'requests'").Scan(&n)
	return n, err
}

// check makes sure that nothing was lost: each event is one request under the whole policy's limit and one under the
// provider's.
func (u *counts) check(ctx context.Context) error {
	after, err := u.requests(ctx)
	if err == nil && after-u.before != 2*u.sent {
		err = fmt.Errorf("%d events were counted as %d requests, they should be %d", u.sent, after-u.before, 2*u.sent)
	}
	return err
}
