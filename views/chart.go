package views

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tollgate/models"
)

// The plot is so many pixels high; across, everything is in hundredths of the width there is.
const (
	chartHeight, chartTop, chartBottom = 220.0, 12.0, 24.0
	chartGridLines, chartDateLabels    = 4, 5
	widestColumn                       = 8.0
	widestLetter                       = 7.0 // pixels
)

// Chart is spend by day as columns.
type Chart struct {
	Title, ScaleWidth string
	Columns           []chartColumn
	Grid              []chartLine
	Dates             []chartLabel
}

type chartColumn struct{ X, Y, Width, Height, Tip string }

type chartLine struct{ Y, LabelY, Label string }

type chartLabel struct{ X, Anchor, Text string }

// SpendChart draws what was spent on each day.
func SpendChart(days []models.UsageRow) Chart {
	most := models.Money(0)
	for _, day := range days {
		most = max(most, day.Cost)
	}
	step := niceStep(float64(most) / 1e9 / chartGridLines)
	top := step * chartGridLines
	chart := Chart{Title: "Spend by day"}
	height := chartHeight - chartTop - chartBottom
	y := func(dollars float64) float64 { return chartTop + height*(1-dollars/top) }
	longest := 0
	for i := range chartGridLines + 1 {
		at := y(step * float64(i))
		label := strings.TrimSuffix(Dollars(models.Money(math.Round(step*float64(i)*1e9))), ".00")
		longest = max(longest, len(label))
		chart.Grid = append(chart.Grid, chartLine{Y: px(at), LabelY: px(at + 4), Label: label})
	}
	chart.ScaleWidth = px(widestLetter * float64(longest))
	slot := 100 / float64(max(1, len(days)))
	width := min(slot*0.76, widestColumn)
	every := max(1, (len(days)+chartDateLabels-1)/chartDateLabels)
	for i, day := range days {
		middle, dollars := slot*(float64(i)+0.5), float64(day.Cost)/1e9
		chart.Columns = append(chart.Columns, chartColumn{
			X: percent(middle - width/2), Y: px(y(dollars)), Width: percent(width), Height: px(chartHeight - chartBottom - y(dollars)),
			Tip: dayWords(day.Key) + ": " + Dollars(day.Cost),
		})
		if i%every == 0 {
			chart.Dates = append(chart.Dates, dateLabel(middle, dayWords(day.Key)))
		}
	}
	return chart
}

// dateLabel stands below its column, but for one that would stand out at the end.
func dateLabel(middle float64, text string) chartLabel {
	if middle > 95 {
		return chartLabel{X: "100%", Anchor: "end", Text: text}
	}
	return chartLabel{X: percent(middle), Anchor: "middle", Text: text}
}

// dayWords turns 2026-11-23 into 23 Nov.
func dayWords(key string) string {
	day, err := time.Parse(time.DateOnly, key)
	if err != nil {
		return key
	}
	return day.Format("2 Jan")
}

func percent(n float64) string { return fmt.Sprintf("%.3f%%", n) }

func px(n float64) string { return fmt.Sprintf("%.1f", n) }

// niceStep is the next of 1, 2, 5, 10, 20 … at or above a distance between lines.
func niceStep(least float64) float64 {
	if least <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= least {
			return factor * power
		}
	}
	return 10 * power
}
