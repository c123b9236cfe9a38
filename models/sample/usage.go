package sample

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/access"
	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/secret"
	"tollgate/models/usage"
	"tollgate/models/window"
)

const sampleDays = 31 // of usage, today included

// sampleWeek is how busy users are, from Sunday on.
var sampleWeek = [7]float64{0.04, 0.9, 1.05, 1, 0.95, 0.7, 0.08}

// seedUsage reports, as gateways do, what the sample users used in the last weeks, most of them well below their
// limits,
// some near, a few at them. The same users use the same in every run.
func seedUsage(ctx context.Context, db *bun.DB, keys secret.Keys, people []identity.Holder, now time.Time) error {
	offered, err := catalogue.LoadCatalogue(ctx, db)
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(people))
	for i, person := range people {
		ids[i] = uuid.MustParse(person.ID)
	}
	holdings, err := entitlement.LoadEntitlements(ctx, db, ids, now)
	if err != nil {
		return err
	}
	var events []usage.EventInput
	for n := range people {
		draw := rand.New(rand.NewPCG(uint64(n), 2026)) //nolint:gosec // the same in every run
		events = append(events, sampleEvents(holdings[ids[n]], offered, draw, now)...)
	}
	log := slog.New(slog.DiscardHandler)
	return reportUsage(ctx, usage.NewRecorder(db, access.NewCache(db, keys, log), log), events)
}

func reportUsage(ctx context.Context, recorder *usage.Recorder, events []usage.EventInput) error {
	for part := range slices.Chunk(events, usage.MaxEvents) {
		results, err := recorder.Record(ctx, usage.Input{
			Events: input.List[usage.EventInput]{Kind: input.Array, Items: part},
		})
		if err != nil {
			return fmt.Errorf("report sample usage: %w", err)
		}
		for _, result := range results {
			if result.Status != "counted" {
				return fmt.Errorf("report sample usage: event %s is %s: %w", result.EventID, result.Status, result.Errors)
			}
		}
	}
	return nil
}

// sampleLevel is how much of their limits a user uses.
func sampleLevel(draw *rand.Rand) float64 {
	switch at := draw.Float64(); {
	case at > 0.97:
		return 1.7
	case at > 0.85:
		return 1 + draw.Float64()*0.35
	default:
		return at * at * 0.9
	}
}

func sampleEvents(
	h *entitlement.Entitlements, offered catalogue.Catalogue, draw *rand.Rand, now time.Time,
) []usage.EventInput {
	var events []usage.EventInput
	for i := range h.Copies {
		held := &h.Copies[i]
		level := sampleLevel(draw)
		for daysAgo := sampleDays - 1; daysAgo >= 0; daysAgo-- {
			day := now.Add(-time.Duration(daysAgo) * window.Day)
			busy := sampleWeek[day.Weekday()] * (1 - 0.5*float64(daysAgo)/sampleDays) // and more of it every week
			if daysAgo == 0 {
				busy = 1
			}
			events = append(events, sampleDay(held, h.User.String(), offered, draw, level*busy, day)...)
		}
	}
	return events
}

// sampleDay is what a user used of a copy on one day: a few reports, each for many calls.
func sampleDay(
	held *entitlement.Copy, user string, offered catalogue.Catalogue, draw *rand.Rand, level float64, day time.Time,
) []usage.EventInput {
	var events []usage.EventInput
	midnight := day.Truncate(24 * time.Hour)
	for _, config := range held.Policy.ProviderConfigs {
		models := config.AllowedModels
		if config.AllModelsAllowed {
			models = offered.Models(config.ProviderName)
		}
		if len(models) == 0 {
			continue
		}
		reports := 1 + draw.IntN(3)/2
		share := perDay(held, config.ProviderName) / float64(len(held.Policy.ProviderConfigs))
		spend := level * share * (0.75 + draw.Float64()*0.5)
		for range reports {
			cost := money.Money(spend/float64(reports)/1e7) * 1e7 // whole cents
			tokens := int64(cost) / 4000
			model := models[draw.IntN(len(models))]
			sinceMidnight := time.Duration(draw.Float64() * float64(day.Sub(midnight)))
			events = append(events, usage.EventInput{
				Row:     input.Row{Kind: input.Object},
				EventID: input.SampleText(uuid.NewString()), UserID: input.SampleText(user),
				Provider: input.SampleText(config.ProviderName), Model: input.SampleText(model),
				Cost: input.SampleNumber(cost.String()), Tokens: input.SampleNumber(strconv.FormatInt(tokens, 10)),
				Requests:   input.SampleNumber(strconv.FormatInt(1+tokens/20_000, 10)),
				OccurredAt: input.SampleText(midnight.Add(sinceMidnight).Format(time.RFC3339Nano)),
			})
		}
	}
	return events
}

// perDay is what the tightest budget for a provider allows a day, in nano-dollars; 5 dollars without one.
func perDay(held *entitlement.Copy, provider string) float64 {
	tightest := 5.0 * money.Dollar
	bounded := false
	for _, l := range held.Counting(entitlement.Call{Provider: provider, Model: "m"}) {
		if l.Kind != policy.KindSpend {
			continue
		}
		a := float64(l.Max) * float64(window.Day) / float64(max(window.Span[l.Duration], window.Day))
		if !bounded || a < tightest {
			tightest, bounded = a, true
		}
	}
	return tightest
}
