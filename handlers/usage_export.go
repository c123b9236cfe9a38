package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/report"
)

// ExportUsage answers what was used as CSV: every row of the table, or day by day in the columns of FOCUS.
func (h *Handlers) ExportUsage(c *gin.Context) error {
	q, wanted, err := readUsageQuery(c, false, "format", "excel")
	if err != nil {
		return err
	}
	excel := q.Flag("excel")
	if err := q.Err(); err != nil {
		return err
	}
	switch q.Get("format") {
	case "csv", "":
		return h.exportUsageTable(c, wanted, excel)
	case "focus":
		return h.exportFOCUS(c, wanted, excel)
	}
	return intake.Unreadable("format", "invalid_format", "Choose csv or focus.")
}

// exportUsageTable guards its cells: users open this file in a spreadsheet.
func (h *Handlers) exportUsageTable(c *gin.Context, wanted report.Query, excel bool) error {
	file := newCSV(
		c, "usage.csv", excel, true, wanted.GroupBy, "name", "cost_usd", "tokens", "requests", "unpriced_events",
	)
	if c.Request.Method == http.MethodHead {
		return file.end()
	}
	err := report.EachRow(reqctx.Of(c), h.readFrom(c), wanted, func(row report.Row) error {
		cost := row.Cost.String()
		if row.IsUnpriced() {
			cost = "unpriced"
		}
		return file.write(row.Key, row.Name, cost, count(row.Tokens), count(row.Requests), count(row.Unpriced))
	})
	if err != nil {
		return err
	}
	return file.end()
}

var focusColumns = []string{
	"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "ChargePeriodStart",
	"ChargePeriodEnd", "ChargeCategory",
	"ChargeDescription", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ResourceId", "ResourceName",
	"ResourceType", "SkuMeter",
	"SubAccountId", "SubAccountName", "x_Tokens", "x_Requests", "x_UnpricedEvents", "x_UserId", "x_UserName",
}

// exportFOCUS keeps values as they are, since programs read them; only one that is asked for to be opened in a
// spreadsheet is guarded. Quantities are in columns of our own: FOCUS wants none beside a charge without a price of its
// own. What has no price costs an unknown amount, which FOCUS leaves empty.
func (h *Handlers) exportFOCUS(c *gin.Context, wanted report.Query, excel bool) error {
	file := newCSV(c, "usage-focus.csv", excel, excel, focusColumns...)
	if c.Request.Method == http.MethodHead {
		return file.end()
	}
	err := report.EachDay(reqctx.Of(c), h.readFrom(c), wanted, func(d report.Day) error {
		return file.write(focusRow(wanted, d)...)
	})
	if err != nil {
		return err
	}
	return file.end()
}

func focusRow(q report.Query, d report.Day) []string {
	cost, description := d.Cost.String(), d.Provider+"/"+d.Model
	if d.IsUnpriced() {
		cost, description = "", description+" (unpriced)"
	}
	provider, category, kind, meter := d.Provider, "AI and Machine Learning", "Model", "Tokens"
	if d.IsTool() {
		provider, category, kind, meter = d.Server(), "Integration", "Tool", "Tool Calls"
	}
	return []string{
		cost, cost, cost, cost, "USD", q.Midnight(d.Day).Format(time.RFC3339),
		q.Midnight(d.Day.AddDate(0, 0, 1)).Format(time.RFC3339), "Usage",
		description, provider, provider, category, provider, d.Model, d.Model, kind, meter,
		count(d.ProfileID), d.Profile, count(d.Tokens), count(d.Requests), count(d.Unpriced), d.UserID, d.User,
	}
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
