package fieldgroup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/policy"
	"tollgate/models/window"
)

// Sync sets the field groups named to those of p in all the policies named, which equal before, in a fixed number of
// statements. Limits that match keep their ids, and so their usage and overrides: providers
// match by name, budgets by scope and window, limits by scope. What does not differ is not written.
func Sync(
	ctx context.Context, tx database.Tx, ids []int64, before, p policy.Policy, fields []string, now time.Time,
) error {
	to := synced{tx: tx, ids: pgdialect.Array(ids), now: now}
	groups := Named(fields)
	if slices.ContainsFunc(groups, func(g Group) bool { return g.moves }) && before.Calendar != p.Calendar {
		to.align(ctx, p.Calendar)
	}
	for _, g := range groups {
		if g.fails && before.FailOpenFor != p.FailOpenFor {
			to.exec(ctx, setFailOpen, p.FailOpenFor)
		}
		if g.sync != nil {
			g.sync(ctx, &to, before, p)
		}
	}
	to.limits(ctx, limitsIn(before, groups, p), limitsIn(p, groups, p))
	return to.err
}

func (to *synced) toolGroups(ctx context.Context, _, after []policy.ToolGroupGrant) {
	to.replace(ctx, after, deleteToolGroups, putToolGroups)
}

func (to *synced) servers(ctx context.Context, _, after []policy.ServerGrant) {
	to.replace(ctx, after, deleteServers, putServers)
}

func (to *synced) overrides(ctx context.Context, _, after []policy.ToolOverride) {
	to.replace(ctx, after, deleteToolOverrides, putToolOverrides)
}

// synced writes to many policies at once; after the first error it does nothing more.
type synced struct {
	tx  database.Tx
	ids any
	now time.Time
	err error
}

func (to *synced) exec(ctx context.Context, query string, args ...any) {
	if to.err != nil {
		return
	}
	if _, err := to.tx.NewRaw(query, append([]any{to.ids}, args...)...).Exec(ctx); err != nil {
		to.err = fmt.Errorf("sync policies: %w", err)
	}
}

// list encodes a list as JSON for the database, also an empty one.
func (to *synced) list(rows any) string {
	document, err := json.Marshal(rows)
	if err != nil && to.err == nil {
		to.err = fmt.Errorf("encode a policy: %w", err)
	}
	if string(document) == "null" {
		return "[]"
	}
	return string(document)
}

// align changes the calendar of windows, if any. Current windows continue, so that no usage is lost and no window
// starts earlier than before.
func (to *synced) align(ctx context.Context, calendar window.Calendar) {
	to.alignOverrides(ctx, calendar)
	to.exec(ctx, carryLimits, calendar.CalendarAligned, calendar.TimeZone, to.now)
	to.exec(ctx, setCalendar, calendar.CalendarAligned, calendar.TimeZone)
}

func (to *synced) providers(ctx context.Context, before, after []policy.ProviderConfig) {
	type placed struct {
		policy.ProviderConfig
		N int `json:"n"`
	}
	place := func(config policy.ProviderConfig, n int) placed { return placed{config, n} }
	differ, gone := policy.Difference(
		policy.Positioned(before, place), policy.Positioned(after, place), func(c placed) string { return c.ProviderName },
		func(a, b placed) bool {
			return a.N == b.N && a.AllModelsAllowed == b.AllModelsAllowed && a.RefuseUnpriced == b.RefuseUnpriced &&
				slices.Equal(a.AllowedModels, b.AllowedModels)
		},
	)
	if len(gone) > 0 {
		to.exec(ctx, deleteProviders, to.list(after))
	}
	if len(differ) > 0 {
		to.exec(ctx, putProviders, to.list(differ))
	}
}

// replace deletes the rows that the list lacks, and then writes those it has.
func (to *synced) replace(ctx context.Context, rows any, remove, put string) {
	document := to.list(rows)
	to.exec(ctx, remove, document)
	to.exec(ctx, put, document)
}
