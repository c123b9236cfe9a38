package models

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

const sampleDays = 31 // of usage, today included

// sampleWeek is how busy people are, from Sunday on.
var sampleWeek = [7]float64{0.04, 0.9, 1.05, 1, 0.95, 0.7, 0.08}

// seedUsage reports what the sample people used in the last weeks, most of them well below their limits, some near, a few at them. The
// same people use the same in every run.
func seedUsage(ctx context.Context, db *bun.DB, people []holder, now time.Time) error {
	catalogue, err := LoadCatalogue(ctx, db)
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(people))
	for i, person := range people {
		ids[i] = uuid.MustParse(person.ID)
	}
	holdings, err := loadHoldings(ctx, db, ids, now)
	if err != nil {
		return err
	}
	var events []*usageEvent
	for n := range people {
		draw := rand.New(rand.NewPCG(uint64(n), 2026)) //nolint:gosec // the same in every run
		events = append(events, sampleEvents(holdings[ids[n]], catalogue, draw, now)...)
	}
	for len(events) > 0 {
		part := events[:min(maxEvents, len(events))]
		events = events[len(part):]
		if err := storeReports(ctx, db, []*report{{events: part}}); err != nil {
			return fmt.Errorf("count sample usage: %w", err)
		}
	}
	return nil
}

// sampleLevel is how much of their limits somebody uses.
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

func sampleEvents(h *holding, catalogue Catalogue, draw *rand.Rand, now time.Time) []*usageEvent {
	var events []*usageEvent
	for i := range h.copies {
		held := &h.copies[i]
		level := sampleLevel(draw)
		for daysAgo := sampleDays - 1; daysAgo >= 0; daysAgo-- {
			day := now.Add(-time.Duration(daysAgo) * day)
			busy := sampleWeek[day.Weekday()] * (1 - 0.5*float64(daysAgo)/sampleDays) // and more of it every week
			if daysAgo == 0 {
				busy = 1
			}
			events = append(events, held.sampleDay(h.user.String(), catalogue, draw, level*busy, day)...)
		}
	}
	return events
}

// sampleDay is what somebody used of a copy on one day: a few reports, each for many calls.
func (held *heldCopy) sampleDay(user string, catalogue Catalogue, draw *rand.Rand, level float64, day time.Time) []*usageEvent {
	var events []*usageEvent
	midnight := day.Truncate(24 * time.Hour)
	for _, config := range held.policy.ProviderConfigs {
		models := config.AllowedModels
		if config.AllModelsAllowed {
			models = catalogue.Models(config.ProviderName)
		}
		if len(models) == 0 {
			continue
		}
		reports := 1 + draw.IntN(3)/2
		spend := level * held.perDay(config.ProviderName) / float64(len(held.policy.ProviderConfigs)) * (0.75 + draw.Float64()*0.5)
		for range reports {
			cost := Money(spend/float64(reports)/1e7) * 1e7 // whole cents
			tokens := int64(cost) / 4000
			id := uuid.NewString()
			event := &usageEvent{
				id: id, gatewayID: newGatewayID(id), userID: user, provider: config.ProviderName, model: models[draw.IntN(len(models))], cost: &cost, tokens: tokens,
				requests: 1 + tokens/20_000, occurredAt: midnight.Add(time.Duration(draw.Float64() * float64(day.Sub(midnight)))).Truncate(time.Microsecond),
				copyID: held.id, profileID: held.profileID,
			}
			event.lines = slices.Collect(held.lines(event.question()))
			events = append(events, event)
		}
	}
	return events
}

// perDay is what the tightest budget for a provider allows a day, in nano-dollars; 5 dollars without one.
func (held *heldCopy) perDay(provider string) float64 {
	tightest := 5.0 * dollar
	bounded := false
	for l := range held.lines(Question{Provider: provider, Model: "m"}) {
		if l.kind != kindSpend {
			continue
		}
		if a := float64(l.max) * float64(day) / float64(max(span[l.duration], day)); !bounded || a < tightest {
			tightest, bounded = a, true
		}
	}
	return tightest
}
