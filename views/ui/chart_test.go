package ui

import (
	"strconv"
	"strings"
	"testing"

	"tollgate/models/money"
	"tollgate/models/report"
)

// The lines of the axis rise from nothing to above the highest column, for any amount.
func TestChartAxis(t *testing.T) {
	for spent, highest := range map[money.Money]string{
		0: "$4", 1: "$0.000000004", 2_500_000_000: "$4", 950_000_000_000_000: "$2,000,000", 1_000_000_000_000_000_000: "$2,000,000,000",
		9_200_000_000_000_000_000: "$20,000,000,000",
	} {
		loaded := report.Report{
			Days:   []report.Row{{Key: "2026-11-23", Sum: report.Sum{Cost: spent}}, {Key: "2026-11-24"}},
			Series: []report.Series{{Name: "openai", Days: []money.Money{spent / 2, 0}}, {Name: "", Days: []money.Money{spent / 2, 0}}},
		}
		chart := SpendChart(loaded)
		before := -1.0
		for _, line := range chart.Grid {
			at, err := strconv.ParseFloat(strings.NewReplacer("$", "", ",", "").Replace(line.Label), 64)
			if err != nil || at <= before {
				t.Errorf("%d: %q stands above %v", spent, line.Label, before)
			}
			before = at
		}
		if label := chart.Grid[len(chart.Grid)-1].Label; label != highest {
			t.Errorf("%d: the highest line is %s, want %s", spent, label, highest)
		}
		for _, series := range chart.Series {
			for _, column := range series.Columns {
				y, _ := strconv.ParseFloat(column.Y, 64)
				if height, _ := strconv.ParseFloat(column.Height, 64); y < chartTop || height < 0 || y+height > chartHeight-chartBottom+0.1 {
					t.Errorf("%d: a column at %s, %s high", spent, column.Y, column.Height)
				}
			}
		}
	}
}
