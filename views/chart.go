package views

import (
	"fmt"
	"math"
	"strings"

	"tollgate/models"
)

// The plot's own measure; it is drawn to the width there is.
const (
	chartWidth, chartHeight         = 960.0, 220.0
	chartLeft, chartRight           = 64.0, 8.0
	chartTop, chartBottom           = 12.0, 24.0
	chartGridLines, chartDateLabels = 4, 6
)

// Chart is spend by day as columns.
type Chart struct {
	Title   string
	Columns []chartColumn
	Grid    []chartLine
	Dates   []chartLabel
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
	for i := range chartGridLines + 1 {
		at := y(step * float64(i))
		label := Dollars(models.Money(math.Round(step*float64(i)*100)) * 1e7)
		chart.Grid = append(chart.Grid, chartLine{Y: px(at), LabelY: px(at + 4), Label: strings.TrimSuffix(label, ".00")})
	}
	width := (chartWidth - chartLeft - chartRight) / float64(max(1, len(days)))
	every := max(1, (len(days)+chartDateLabels-1)/chartDateLabels)
	for i, day := range days {
		x, dollars := chartLeft+width*float64(i), float64(day.Cost)/1e9
		chart.Columns = append(chart.Columns, chartColumn{
			X: px(x + width*0.12), Y: px(y(dollars)), Width: px(width * 0.76), Height: px(chartHeight - chartBottom - y(dollars)),
			Tip: day.Key + ": " + Dollars(day.Cost),
		})
		if i%every == 0 {
			chart.Dates = append(chart.Dates, chartLabel{X: px(x + width/2), Anchor: "middle", Text: day.Key[5:]})
		}
	}
	return chart
}

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
