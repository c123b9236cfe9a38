package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// line is one row of the report.
type line struct{ id, what, ours, other, ratio, bar, verdict string }

func report(out io.Writer, lines []line) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "id\twhat\tours\tfloor or peer\tratio\tbar\t")
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.id, l.what, l.ours, l.other, l.ratio, l.bar, l.verdict)
	}
	return table.Flush()
}

// bar is what a figure is compared with.
type bar struct {
	limit float64
	most  bool // the figure must not be above it; otherwise not below
}

func atLeast(limit float64) *bar { return &bar{limit: limit} }
func atMost(limit float64) *bar  { return &bar{limit: limit, most: true} }

func (b *bar) String() string {
	switch {
	case b == nil:
		return ""
	case b.most:
		return fmt.Sprintf("≤ %g", b.limit)
	}
	return fmt.Sprintf("≥ %g", b.limit)
}

func (b *bar) verdict(figure float64) string {
	switch {
	case b == nil:
		return ""
	case b.most && figure > b.limit:
		return "over"
	case !b.most && figure < b.limit:
		return "under"
	}
	return "ok"
}

func (r result) String() string {
	return fmt.Sprintf("%.0f/s (p99 %s)", r.rate, brief(r.p99))
}

func brief(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func median[T float64 | time.Duration](values []T) T {
	values = slices.Clone(values)
	slices.Sort(values)
	return values[len(values)/2]
}

// middle is the result made of the medians of several.
func middle(results []result) result {
	var rates []float64
	var p50, p95, p99 []time.Duration
	for _, r := range results {
		rates, p50 = append(rates, r.rate), append(p50, r.p50)
		p95, p99 = append(p95, r.p95), append(p99, r.p99)
	}
	return result{median(rates), median(p50), median(p95), median(p99)}
}
