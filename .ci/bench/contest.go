package main

import (
	"context"
	"fmt"
	"time"
)

// contender is a server under load, and how much CPU time it has spent so far.
type contender struct {
	target
	spent func() (time.Duration, error) // nil when it is not needed
}

// outcome is what came of a contender, round by round.
type outcome struct {
	results []result
	cpu     []time.Duration // of one request
}

// withDatabase is how much CPU time a server has spent so far, with its database: everything below the first console is
// that.
func (b *bench) withDatabase(p *process) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		own, err := p.spent()
		if err != nil {
			return 0, err
		}
		below, err := b.console.spentBelow()
		return own + below, err
	}
}

// contest loads each contender in each round.
func (b *bench) contest(ctx context.Context, contenders ...contender) ([]outcome, error) {
	for _, c := range contenders { // once without counting
		if _, err := c.load(ctx, b.slice/2); err != nil {
			return nil, err
		}
	}
	outcomes := make([]outcome, len(contenders))
	for range b.options.rounds {
		for i, c := range contenders {
			if err := outcomes[i].round(ctx, c, b.slice); err != nil {
				return nil, err
			}
		}
	}
	return outcomes, nil
}

func (o *outcome) round(ctx context.Context, c contender, d time.Duration) error {
	var before, after time.Duration
	var err error
	if c.spent != nil {
		if before, err = c.spent(); err != nil {
			return err
		}
	}
	begin := time.Now()
	r, err := c.load(ctx, d)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	if c.spent != nil {
		if after, err = c.spent(); err != nil {
			return err
		}
		o.cpu = append(o.cpu, time.Duration(float64(after-before)/(r.rate*took.Seconds())))
	}
	o.results = append(o.results, r)
	return nil
}

// times is the outcome in units of which a request has n.
func (o outcome) times(n float64) outcome {
	var scaled outcome
	for _, spent := range o.cpu {
		scaled.cpu = append(scaled.cpu, spent/time.Duration(n))
	}
	for _, r := range o.results {
		r.rate *= n
		scaled.results = append(scaled.results, r)
	}
	return scaled
}

// compare records the medians of two outcomes and of their ratio.
func (b *bench) compare(id, what string, ours outcome, name string, theirs outcome, limit *bar) {
	var ratios []float64
	for round := range ours.results {
		ratios = append(ratios, ours.results[round].rate/theirs.results[round].rate)
	}
	ratio := median(ratios)
	b.add(line{
		id: id, what: what, ours: middle(ours.results).String(), other: name + " " + middle(theirs.results).String(),
		ratio: fmt.Sprintf("%.2f", ratio), bar: limit.String(), verdict: limit.verdict(ratio),
	})
}

// compareCPU records the medians of what a request costs.
func (b *bench) compareCPU(id, what string, ours outcome, name string, theirs outcome, limit *bar) {
	var ratios []float64
	for round := range ours.cpu {
		ratios = append(ratios, float64(ours.cpu[round])/float64(theirs.cpu[round]))
	}
	ratio := median(ratios)
	b.add(line{
		id: id, what: what, ours: micros(median(ours.cpu)), other: name + " " + micros(median(theirs.cpu)),
		ratio: fmt.Sprintf("%.2f", ratio), bar: limit.String(), verdict: limit.verdict(ratio),
	})
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
}
