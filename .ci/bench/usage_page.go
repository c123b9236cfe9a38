package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	usageDays      = 90
	usageFor       = 30 * time.Second // events are stored for no longer
	eventsAtOnce   = 100_000
	longStatements = 8
)

// rollup makes the sums of ten million events: of 90 days, the 200 users of the sample data, and ten models.
const rollup = `
CREATE TEMP TABLE people AS
SELECT row_number() OVER (ORDER BY u.id) - 1 AS n, u.id, coalesce(min(c.access_profile_id), 0) AS profile
FROM users AS u LEFT JOIN user_access_profiles AS c ON c.user_id = u.id WHERE u.id NOT LIKE '%%%[1]s' GROUP BY u.id
    LIMIT 200;
CREATE TEMP TABLE called AS
SELECT row_number() OVER () - 1 AS n, name AS provider, model FROM (SELECT name, unnest(models) AS model
    FROM providers ORDER BY 2, 1 LIMIT 10) AS m;
ANALYZE people;
ANALYZE called;
INSERT INTO usage_days AS d (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date - day, p.id, p.profile, m.provider, m.model, requests * 1250000, requests * 1000, requests, 0
FROM generate_series(0, 89) AS day, people AS p, called AS m,
    LATERAL (SELECT 55 + (day + p.n + m.n) %% 3 AS requests) AS r
ON CONFLICT (day, user_id, access_profile_id, provider, model) DO UPDATE
    SET requests = d.requests + excluded.requests, tokens = d.tokens + excluded.tokens`

const someEvents = `
INSERT INTO weekly_events (week, user_id, event_id, occurred_at, received_at, provider, model,
    mcp_client_id, tool_name, cost, cost_computed, estimated, tokens, requests)
SELECT w.week, p.id::uuid, gen_random_uuid(), now() - (s.n % 90) * interval '1 day', now(), m.provider, m.model,
    '', '', 1250000, false, false, 1000, 1
FROM (SELECT week FROM usage_weeks WHERE closed_at IS NULL) AS w, generate_series($1::bigint, $1 + $2 - 1) AS s(n) JOIN people AS p ON p.n = s.n % 200
    JOIN called AS m ON m.n = s.n / 200 % 10`

// measureUsagePage reads the Usage page over 90 days of ten million events.
func (b *bench) measureUsagePage(ctx context.Context) error {
	g, err := b.openGateway(ctx)
	if err != nil {
		return err
	}
	if err := b.fillUsage(ctx, g); err != nil {
		return fmt.Errorf("make usage: %w", err)
	}
	path := "/usage?since=" + time.Now().UTC().AddDate(0, 0, 1-usageDays).Format(time.DateOnly)
	for _, by := range []string{"provider", "user", "day"} {
		t := g.page(path + "&group_by=" + by)
		t.workers = 1
		r, err := t.load(ctx, b.slice)
		if err != nil {
			return err
		}
		b.add(line{
			id: "Usage", what: fmt.Sprintf("page of %d days by %s", usageDays, by),
			ours: brief(r.p50) + " (p99 " + brief(r.p99) + ")",
		})
	}
	return b.countPage(ctx, g, path)
}

func (b *bench) fillUsage(ctx context.Context, g *gateway) error {
	db, err := g.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	if _, err := db.Exec(ctx, fmt.Sprintf(rollup, callerID)); err != nil {
		return err
	}
	var sums, counted, stored int64
	err = db.QueryRow(ctx, "SELECT count(*), sum(requests)::bigint FROM usage_days").Scan(&sums, &counted)
	if err != nil {
		return err
	}
	for begin := time.Now(); time.Since(begin) < usageFor && stored < counted; stored += eventsAtOnce {
		if _, err := db.Exec(ctx, someEvents, stored, eventsAtOnce); err != nil {
			return err
		}
	}
	if _, err := db.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "The Usage page has %d sums of %d events; %d events were stored besides.\n", sums, counted, stored)
	return nil
}

// countPage counts the statements that come with a page.
func (b *bench) countPage(ctx context.Context, g *gateway, path string) error {
	talking, err := b.talking(ctx, g.console)
	if err != nil {
		return err
	}
	asked, err := talking.asked(ctx, talking.page(path))
	if err != nil {
		return err
	}
	for _, s := range asked {
		fmt.Fprintf(os.Stderr, "Usage statement: %.110s\n", s)
	}
	limit, n := atMost(longStatements), float64(len(asked))
	b.add(line{
		id: "Usage", what: "statements of the page", ours: fmt.Sprintf("%.0f", n), bar: limit.String(),
		verdict: limit.verdict(n),
	})
	return talking.stop()
}

// talker is a console that logs its statements, and those that it sends by itself.
type talker struct {
	*console
	idle []string
}

// talking starts a console once more so that it logs its statements.
func (b *bench) talking(ctx context.Context, like *console) (*talker, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	environment := append(slices.Clone(like.environment), "TOLLGATE_ADDR="+addr, "BUNDEBUG=2")
	p, err := start(ctx, b.dir, "talking", addr, "/readyz", environment, b.options.console, "serve")
	if err != nil {
		return nil, err
	}
	b.running = append(b.running, p)
	t := &talker{console: &console{process: p, cookie: like.cookie, key: like.key}}
	t.idle, err = p.said(ctx, 3*time.Second, func() error { return nil })
	return t, err
}

// asked are the statements that come with a request and not by themselves, without what is read once.
func (t *talker) asked(ctx context.Context, request target) ([]string, error) {
	if _, _, err := request.once(ctx); err != nil {
		return nil, err
	}
	asked, err := t.said(ctx, time.Second/5, func() error {
		_, _, err := request.once(ctx)
		return err
	})
	return slices.DeleteFunc(asked, func(s string) bool {
		verb, _, _ := strings.Cut(s, " ")
		return slices.Contains(t.idle, s) || slices.Contains([]string{"BEGIN", "COMMIT", "ROLLBACK"}, verb)
	}), err
}

var (
	told     = regexp.MustCompile(`(?s)\[bun\]\s+\S+\s+(\S+)\s+\S+\s+(.*?)(?:\n\[bun\]|\n\{|\n\d{4}|\ntime=|$)`)
	literals = regexp.MustCompile(`'[^']*'|\d+`)
)

// said are the statements that the process logs while something is done and for a while afterwards, without their
// values.
func (p *process) said(ctx context.Context, d time.Duration, do func() error) ([]string, error) {
	before, err := os.Stat(p.log)
	if err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	if err := pause(ctx, d); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(p.log)
	if err != nil {
		return nil, err
	}
	var found []string
	for part := range strings.SplitSeq(string(text[before.Size():]), "[bun]") {
		if match := told.FindStringSubmatch("[bun]" + part); match != nil {
			found = append(found, match[1]+" "+literals.ReplaceAllString(strings.Join(strings.Fields(match[2]), " "), "?"))
		}
	}
	return found, nil
}
