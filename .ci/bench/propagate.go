package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"slices"
	"time"
)

const (
	holders             = 10_000
	propagationPatience = 5 * time.Minute
	lookAgain           = 20 * time.Millisecond
	mostRounds          = 3 // each rewrites 130,000 rows
	longRound           = 20 * time.Second
)

// propagated is what the API answers about a push and its preview.
type propagated struct {
	Affected int  `json:"affected_users"`
	Failed   int  `json:"failed_users"`
	Skipped  int  `json:"skipped_users"`
	Applied  bool `json:"applied"`
	Job      struct {
		ID    int64  `json:"id"`
		State string `json:"state"`
	} `json:"job"`
	Changes []struct {
		UserIDs []string `json:"user_ids"`
	} `json:"changes"`
}

// push is how long a preview and the push itself took.
type push struct{ preview, apply time.Duration }

func (p push) whole() time.Duration { return p.preview + p.apply }
func (p push) rate() float64        { return holders / p.whole().Seconds() }

// measurePropagation changes budgets and limits in everybody's copy: beside the loop of one transaction a user, then
// while usage arrives.
func (b *bench) measurePropagation(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, propagationPatience)
	defer cancel()
	t, err := b.handOut(ctx)
	if err != nil {
		return fmt.Errorf("hand a profile out: %w", err)
	}
	defer t.db.Close(context.WithoutCancel(ctx))
	if err := t.besideLoop(ctx); err != nil {
		return err
	}
	return t.whileUsageArrives(ctx)
}

// besideLoop propagates an edit, then has the loop write the same values into some of the copies, round after round.
func (t *template) besideLoop(ctx context.Context) error {
	var ours, theirs, ratios []float64
	var previews, applies []time.Duration
	for range t.few() {
		if err := t.edit(ctx); err != nil {
			return err
		}
		p, err := t.propagate(ctx)
		if err != nil {
			return err
		}
		rate, err := t.loop(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "P6 preview %s, push %s: %.0f copies/s; loop %.0f copies/s\n", brief(p.preview),
			brief(p.apply), p.rate(), rate)
		previews, applies = append(previews, p.preview), append(applies, p.apply)
		ours, theirs, ratios = append(ours, p.rate()), append(theirs, rate), append(ratios, p.rate()/rate)
	}
	limit, ratio := atLeast(15), median(ratios)
	t.add(line{
		id: "P6", what: fmt.Sprintf("propagate to %d copies of 18 rows", holders),
		ours:  fmt.Sprintf("%.0f/s (preview %s, push %s)", median(ours), brief(median(previews)), brief(median(applies))),
		other: fmt.Sprintf("a transaction a user %.0f/s", median(theirs)),
		ratio: fmt.Sprintf("%.1f", ratio), bar: limit.String(), verdict: limit.verdict(ratio),
	})
	return nil
}

// few counts rounds: where one takes long it stays alone, so that a busy machine does not make them last.
func (t *template) few() iter.Seq[int] {
	return func(yield func(int) bool) {
		begin := time.Now()
		for round := range min(t.options.rounds, mostRounds) {
			if round == 1 && time.Since(begin) > longRound || !yield(round) {
				return
			}
		}
	}
}

// whileUsageArrives lets counters move at the same rate when nothing else happens and while an edit is propagated.
func (t *template) whileUsageArrives(ctx context.Context) error {
	u, err := t.openUsage(ctx)
	if err != nil {
		return err
	}
	defer u.db.Close()
	var quiet, busy []time.Duration
	var ratios []float64
	for range t.few() {
		if err := t.edit(ctx); err != nil {
			return err
		}
		before, err := u.during(ctx, func() error { return pause(ctx, 2*t.slice) })
		if err != nil {
			return err
		}
		var p push
		meanwhile, err := u.during(ctx, func() (err error) { p, err = t.propagate(ctx); return err })
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "P6 usage p99 quiet %s of %d, meanwhile %s of %d; preview %s, push %s\n",
			brief(p99(before)), len(before), brief(p99(meanwhile)), len(meanwhile), brief(p.preview), brief(p.apply))
		quiet, busy = append(quiet, p99(before)), append(busy, p99(meanwhile))
		ratios = append(ratios, float64(p99(meanwhile))/float64(p99(before)))
	}
	limit, ratio := atMost(3), median(ratios)
	t.add(line{
		id: "P6", what: fmt.Sprintf("p99 of usage meanwhile, %d/s", usageClients*usageRate), ours: brief(median(busy)),
		other: "quiet " + brief(median(quiet)), ratio: fmt.Sprintf("%.2f", ratio), bar: limit.String(),
		verdict: limit.verdict(ratio),
	})
	return u.check(ctx)
}

// propagate previews the profile's last edit and applies it, and makes sure that every copy got it.
func (t *template) propagate(ctx context.Context) (took push, err error) {
	var preview, applied propagated
	path := t.path() + "/propagate"
	body := map[string]any{"fields": []string{"provider_configs", "budgets", "rate_limit"}, "dry_run": true}
	begin := time.Now()
	if _, err := t.console.ask(ctx, http.MethodPost, path, body, &preview); err != nil {
		return took, err
	}
	took.preview = time.Since(begin)
	if preview.Affected != holders || len(preview.Changes) != 1 || preview.Applied {
		return took, fmt.Errorf("the preview is for %d copies in %d states", preview.Affected, len(preview.Changes))
	}
	body["dry_run"] = false
	begin = time.Now()
	status, err := t.console.ask(ctx, http.MethodPost, path, body, &applied)
	for err == nil && status == http.StatusAccepted {
		if err = pause(ctx, lookAgain); err == nil {
			status, err = t.console.ask(ctx, http.MethodGet, fmt.Sprintf("%s/%d", path, applied.Job.ID), nil, &applied)
		}
	}
	took.apply = time.Since(begin)
	if err == nil && (applied.Affected != holders || applied.Failed+applied.Skipped > 0 || applied.Job.State != "done") {
		err = fmt.Errorf("%d copies were pushed to, %d failed, %d were skipped", applied.Affected, applied.Failed,
			applied.Skipped)
	}
	return took, errors.Join(err, t.checkCopies(ctx))
}

func p99(took []time.Duration) time.Duration {
	took = slices.Sorted(slices.Values(took))
	return took[len(took)*99/100]
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
