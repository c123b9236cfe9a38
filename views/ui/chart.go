package ui

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/report"
)

// Heights are in pixels, widths in hundredths of the width of the chart.
const (
	chartHeight, chartTop, chartBottom = 220.0, 12.0, 24.0
	chartGridLines, chartDateLabels    = 4, 5
	widestColumn                       = 8.0
	widestLetter                       = 7.0 // pixels
)

// Chart is spend by day as columns, those of each series on top of those before.
type Chart struct {
	Title, ScaleWidth string
	Series            []chartSeries
	Grid              []chartLine
	Dates             []chartLabel
	Partial           string // the day that is not over; "" for none

	y func(dollars float64) float64
}

// chartSeries has the colour of its place; the last is grey when it is of all others.
type chartSeries struct {
	Name, Class string
	Columns     []chartColumn
}

type chartColumn struct{ X, Y, Width, Height, Tip string }

type chartLine struct{ Y, LabelY, Label string }

type chartLabel struct{ X, Anchor, Text string }

// SpendChart draws what was spent on each day, and on what.
func SpendChart(loaded report.Report) Chart { return drawSpend(loaded, 0) }

// ForecastChart draws the same with the days that are left, each with the daily amount; the last real day is today.
func ForecastChart(loaded report.Report, daily money.Money, left int) Chart {
	shown := loaded
	last, err := time.Parse(time.DateOnly, loaded.Days[len(loaded.Days)-1].Key)
	if err != nil {
		return SpendChart(loaded)
	}
	shown.Days = slices.Clone(loaded.Days)
	for i := range left {
		shown.Days = append(shown.Days, report.Row{Key: last.AddDate(0, 0, i+1).Format(time.DateOnly)})
	}
	shown.Series = slices.Clone(loaded.Series)
	chart := drawSpend(shown, daily)
	forecast := report.Series{Name: "Forecast", Days: make([]money.Money, len(shown.Days))}
	for i := range left {
		forecast.Days[len(loaded.Days)+i] = daily
	}
	chart.Partial = dayWords(loaded.Days[len(loaded.Days)-1].Key)
	if left > 0 && daily > 0 {
		chart.add(forecast, shown.Days)
	}
	return chart
}

// add draws the forecast, where nothing else is.
func (c *Chart) add(forecast report.Series, days []report.Row) {
	drawn := stacked(forecast, 0, days, make([]float64, len(days)), 100/float64(len(days)), c.y)
	drawn.Class = "series-forecast"
	c.Series = append(c.Series, drawn)
}

func drawSpend(loaded report.Report, most money.Money) Chart {
	for _, day := range loaded.Days {
		most = max(most, day.Cost)
	}
	step := max(1e-9, niceStep(float64(most)/1e9/chartGridLines))
	top := step * chartGridLines
	chart := Chart{Title: "Spend by day"}
	height := chartHeight - chartTop - chartBottom
	y := func(dollars float64) float64 { return chartTop + height*(1-dollars/top) }
	chart.y = y
	longest := 0
	for i := range chartGridLines + 1 {
		at := y(step * float64(i))
		label := axisDollars(step * float64(i))
		longest = max(longest, len(label))
		chart.Grid = append(chart.Grid, chartLine{Y: px(at), LabelY: px(at + 4), Label: label})
	}
	chart.ScaleWidth = px(widestLetter * float64(longest))
	slot := 100 / float64(max(1, len(loaded.Days)))
	every := max(1, (len(loaded.Days)+chartDateLabels-1)/chartDateLabels)
	for i, day := range loaded.Days {
		if i%every == 0 {
			chart.Dates = append(chart.Dates, dateLabel(slot*(float64(i)+0.5), dayWords(day.Key)))
		}
	}
	below := make([]float64, len(loaded.Days)) // dollars
	for n, series := range loaded.Series {
		chart.Series = append(chart.Series, stacked(series, n, loaded.Days, below, slot, y))
	}
	return chart
}

// stacked draws a series on top of those below, and adds its amounts to theirs.
func stacked(
	series report.Series, place int, days []report.Row, below []float64, slot float64, y func(float64) float64,
) chartSeries {
	drawn := chartSeries{Name: series.Name, Class: "series-" + strconv.Itoa(place+1)}
	if series.Name == "" && place > 0 {
		drawn.Name, drawn.Class = "All others", "series-others"
	}
	width := min(slot*0.76, widestColumn)
	for i, cost := range series.Days {
		if cost == 0 {
			continue
		}
		foot := y(below[i])
		below[i] += float64(cost) / 1e9
		head := y(below[i])
		tip := dayWords(days[i].Key) + ": " + Dollars(cost.Cents())
		if drawn.Name != "" {
			tip += " of " + drawn.Name
		}
		drawn.Columns = append(drawn.Columns, chartColumn{
			X: percent(slot*(float64(i)+0.5) - width/2), Y: px(head), Width: percent(width), Height: px(foot - head), Tip: tip,
		})
	}
	return drawn
}

// axisDollars writes a line's amount. The highest line may stand for more than any amount that can be stored.
func axisDollars(dollars float64) string {
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(dollars, 'f', 9, 64), ".")
	if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
		return "$" + plural.Grouped(whole)
	}
	return "$" + plural.Grouped(whole) + "." + fraction + strings.Repeat("0", max(0, 2-len(fraction)))
}

// dateLabel is centred below its column; at the end of the chart it is moved so that it stays inside.
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
