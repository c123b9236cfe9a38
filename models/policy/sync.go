package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/window"
)

// Sync sets the field groups named to those of p in all the policies named, which equal before, in a fixed number of
// statements. Limits that match keep their ids, and so their usage and overrides: providers
// match by name, budgets by scope and window, limits by scope. What does not differ is not written.
func Sync(ctx context.Context, tx database.Tx, ids []int64, before, p Policy, fields []string, now time.Time) error {
	to := synced{tx: tx, ids: pgdialect.Array(ids), now: now}
	groups := Groups(fields)
	if slices.ContainsFunc(groups, func(g FieldGroup) bool { return g.moves }) && before.Calendar != p.Calendar {
		to.align(ctx, p.Calendar)
	}
	for _, g := range groups {
		g.sync(ctx, &to, before, p)
	}
	return to.err
}

func (to *synced) budgets(ctx context.Context, before, after []Budget) {
	to.lines(ctx, pushedBudgets("", before), pushedBudgets("", after), totalBudgets)
}

func (to *synced) rateLimit(ctx context.Context, before, after *RateLimit) {
	to.lines(ctx, pushedLimits("", before), pushedLimits("", after), totalLimits)
}

func (to *synced) toolGroups(ctx context.Context, _, after []ToolGroupGrant) {
	to.replace(ctx, after, deleteToolGroups, putToolGroups)
}

func (to *synced) servers(ctx context.Context, _, after []ServerGrant) {
	to.replace(ctx, after, deleteServers, putServers)
}

func (to *synced) overrides(ctx context.Context, _, after []ToolOverride) {
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
	to.exec(ctx, carryBudgets, calendar.CalendarAligned, calendar.TimeZone, to.now)
	to.exec(ctx, carryLimits, calendar.CalendarAligned, calendar.TimeZone, to.now)
	to.exec(ctx, setCalendar, calendar.CalendarAligned, calendar.TimeZone)
}

// pushedLine is a budget or a rate limit to sync; Provider is "" for those of the whole policy.
type pushedLine struct {
	ProviderName         string  `json:"provider_name"`
	MaxLimit             int64   `json:"max_limit"`
	ResetDuration        string  `json:"reset_duration"`
	QuarterStartMonth    *int    `json:"quarter_start_month"`
	TokenMaxLimit        *int64  `json:"token_max_limit"`
	TokenResetDuration   *string `json:"token_reset_duration"`
	RequestMaxLimit      *int64  `json:"request_max_limit"`
	RequestResetDuration *string `json:"request_reset_duration"`
	Position             int     `json:"position"`
}

func pushedBudgets(provider string, budgets []Budget) []pushedLine {
	return Positioned(budgets, func(b Budget, i int) pushedLine {
		line := pushedLine{ProviderName: provider, MaxLimit: int64(b.MaxLimit), ResetDuration: b.ResetDuration, Position: i}
		if b.ResetConfig != nil {
			line.QuarterStartMonth = &b.ResetConfig.QuarterStartMonth
		}
		return line
	})
}

func pushedLimits(provider string, r *RateLimit) []pushedLine {
	if r == nil {
		return []pushedLine{}
	}
	return []pushedLine{{
		ProviderName: provider, TokenMaxLimit: r.TokenMaxLimit, TokenResetDuration: r.TokenResetDuration,
		RequestMaxLimit: r.RequestMaxLimit, RequestResetDuration: r.RequestResetDuration,
	}}
}

// lineStatements delete, change and add limits of one kind, which they take as JSON.
type lineStatements struct{ remove, change, put string }

var (
	totalBudgets    = lineStatements{deleteTotalBudgets, changeTotalBudgets, putTotalBudgets}
	totalLimits     = lineStatements{deleteTotalLimits, changeTotalLimits, putTotalLimits}
	providerBudgets = lineStatements{deleteProviderBudgets, changeProviderBudgets, putProviderBudgets}
	providerLimits  = lineStatements{deleteProviderLimits, changeProviderLimits, putProviderLimits}
)

// key is what limits match by.
func (l pushedLine) key() string {
	quarter := 0
	if l.QuarterStartMonth != nil {
		quarter = *l.QuarterStartMonth % 3
	}
	return l.ProviderName + " " + l.ResetDuration + " " + strconv.Itoa(quarter)
}

// sameWindows reports whether the windows of a rate limit stay; those of a budget do whenever it matches.
func sameWindows(a, b pushedLine) bool {
	return reflect.DeepEqual(a.TokenResetDuration, b.TokenResetDuration) &&
		reflect.DeepEqual(a.RequestResetDuration, b.RequestResetDuration)
}

// lines writes what differs between the limits before and after.
func (to *synced) lines(ctx context.Context, before, after []pushedLine, by lineStatements) {
	differ, gone := difference(
		before, after, pushedLine.key, func(a, b pushedLine) bool { return reflect.DeepEqual(a, b) },
	)
	known := map[string]pushedLine{}
	for _, line := range before {
		known[line.key()] = line
	}
	changed, added, rewindowed := []pushedLine{}, []pushedLine{}, []pushedLine{}
	for _, line := range differ {
		had, ok := known[line.key()]
		if !ok {
			added = append(added, line)
			continue
		}
		changed = append(changed, line)
		if !sameWindows(had, line) {
			rewindowed = append(rewindowed, line)
		}
	}
	if len(gone) > 0 {
		to.exec(ctx, by.remove, to.list(after))
	}
	if len(rewindowed) > 0 {
		to.exec(ctx, clearReturning, to.list(rewindowed))
	}
	if len(changed) > 0 {
		to.exec(ctx, by.change, to.list(changed))
	}
	if len(added) > 0 {
		to.exec(ctx, by.put, to.list(added), to.now)
	}
}

func (to *synced) providers(ctx context.Context, before, after []ProviderConfig) {
	type placed struct {
		ProviderConfig
		N int `json:"n"`
	}
	place := func(config ProviderConfig, n int) placed { return placed{config, n} }
	differ, gone := difference(
		Positioned(before, place), Positioned(after, place), func(c placed) string { return c.ProviderName },
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
	stays := func(config ProviderConfig) bool {
		return slices.ContainsFunc(after, func(c ProviderConfig) bool { return c.ProviderName == config.ProviderName })
	}
	var had, have struct{ budgets, limits []pushedLine }
	for _, config := range before {
		if stays(config) { // the limits of deleted providers are deleted with them
			had.budgets = append(had.budgets, pushedBudgets(config.ProviderName, config.Budgets)...)
			had.limits = append(had.limits, pushedLimits(config.ProviderName, config.RateLimit)...)
		}
	}
	for _, config := range after {
		have.budgets = append(have.budgets, pushedBudgets(config.ProviderName, config.Budgets)...)
		have.limits = append(have.limits, pushedLimits(config.ProviderName, config.RateLimit)...)
	}
	to.lines(ctx, had.budgets, have.budgets, providerBudgets)
	to.lines(ctx, had.limits, have.limits, providerLimits)
}

// replace deletes the rows that the list lacks, and then writes those it has.
func (to *synced) replace(ctx context.Context, rows any, remove, put string) {
	document := to.list(rows)
	to.exec(ctx, remove, document)
	to.exec(ctx, put, document)
}
