package handlers

import (
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/models"
	"tollgate/views"
)

const (
	usageDays   = 30  // shown when nothing else is asked for
	longestSpan = 366 // days
	nearShown   = 10
)

// ShowUsage answers what was used, by provider, model, user, profile or day.
func (h *Handlers) ShowUsage(c *gin.Context) error {
	q, wanted, err := readUsageQuery(c)
	var refused *models.Refusal
	if errors.As(err, &refused) && !IsAPI(c) {
		h.html(c, http.StatusBadRequest, framed(h.usagePage(c), views.UsageRefused(views.UsagePage{Query: wanted, Link: q.link, Problems: refused.Problems})))
		return nil
	}
	if err != nil {
		return err
	}
	report, err := models.ReportUsage(ctx(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if IsAPI(c) {
		rows := report.Rows
		if rows == nil {
			rows = []models.UsageRow{}
		}
		writeJSON(c, http.StatusOK, gin.H{
			"usage": rows, "others": report.Others, "days": report.Days, "total": report.Total, "group_by": wanted.GroupBy,
			"since": wanted.Since.Format(time.DateOnly), "until": wanted.Until.Format(time.DateOnly),
		})
		return nil
	}
	near, err := models.BudgetsNearLimit(ctx(c), h.DB, wanted, nearShown)
	if err != nil {
		return err
	}
	shown := views.UsagePage{Query: wanted, Report: report, Near: near, Now: time.Now(), Export: "/usage/export" + q.link(), Link: q.link}
	if wanted.UserID != "" {
		names, err := models.UserNames(ctx(c), h.DB, []string{wanted.UserID})
		if err != nil {
			return err
		}
		shown.UserName = names[wanted.UserID]
	}
	if wanted.ProfileID != 0 {
		if shown.ProfileName, err = models.ProfileName(ctx(c), h.DB, wanted.ProfileID); err != nil {
			return err
		}
	}
	actor := ActorOf(c)
	shown.MayViewUsers, shown.MayViewProfiles = actor.May("Users:View"), actor.May("AccessProfiles:View")
	h.html(c, http.StatusOK, framed(h.usagePage(c), views.UsageBody(shown)))
	return nil
}

func (h *Handlers) usagePage(c *gin.Context) views.Page {
	page := h.page(c, "Usage", "/usage")
	page.Intro = "What gateways have reported, in whole days of UTC."
	return page
}

// readUsageQuery reads which days and whose usage a report shows; left out, it is the last 30 days of everybody.
func readUsageQuery(c *gin.Context, also ...string) (*query, models.UsageQuery, error) {
	q := readQuery(c, append([]string{"since", "until", "group_by", "provider", "model", "user_id", "access_profile_id"}, also...)...)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	wanted := models.UsageQuery{
		Since: today.AddDate(0, 0, 1-usageDays), Until: today, GroupBy: models.UsageGroupings[0],
		Provider: q.get("provider"), Model: q.get("model"), UserID: q.get("user_id"), ProfileID: q.number("access_profile_id", 0, 1, models.MaxCount),
	}
	if until := q.date("until"); until != nil {
		wanted.Until = *until
		wanted.Since = until.AddDate(0, 0, 1-usageDays)
	}
	if since := q.date("since"); since != nil {
		wanted.Since = *since
	}
	if by := q.get("group_by"); by != "" {
		if wanted.GroupBy = by; !slices.Contains(models.UsageGroupings, by) {
			q.refuse("group_by", "invalid_group_by", "Group by provider, model, user, profile or day.")
		}
	}
	switch days := int(wanted.Until.Sub(wanted.Since).Hours()/24) + 1; {
	case days < 1:
		q.refuse("since", "invalid_range", "Let the days begin before they end.")
	case days > longestSpan:
		q.refuse("since", "range_too_long", "Ask for at most 366 days at once.")
	}
	return q, wanted, q.err()
}

// date reads a whole day.
func (q *query) date(name string) *time.Time {
	text := q.get(name)
	if text == "" {
		return nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		q.refuse(name, "invalid_time", "Give the day as a date such as 2026-11-23.")
		return nil
	}
	return &day
}

// ExportUsage hands out what is shown as CSV: the table as it is, or day by day in the columns of FOCUS.
func (h *Handlers) ExportUsage(c *gin.Context) error {
	q, wanted, err := readUsageQuery(c, "format")
	if err != nil {
		return err
	}
	switch q.get("format") {
	case "csv", "":
		return h.exportUsageTable(c, wanted)
	case "focus":
		return h.exportFOCUS(c, wanted)
	}
	return unreadable("format", "invalid_format", "Choose csv or focus.")
}

func (h *Handlers) exportUsageTable(c *gin.Context, wanted models.UsageQuery) error {
	report, err := models.ReportUsage(ctx(c), h.DB, wanted)
	if err != nil {
		return err
	}
	cells := startCSV(c, "usage.csv")
	_ = cells.Write([]string{wanted.GroupBy, "name", "cost_usd", "tokens", "requests", "unpriced_events"})
	for _, row := range report.Rows {
		_ = cells.Write(spreadsheetSafe([]string{row.Key, row.Name, row.Cost.String(), count(row.Tokens), count(row.Requests), count(row.Unpriced)}))
	}
	if o := report.Others; o != nil {
		_ = cells.Write([]string{"", "all others", o.Cost.String(), count(o.Tokens), count(o.Requests), count(o.Unpriced)})
	}
	cells.Flush()
	return cells.Error()
}

// exportFOCUS leaves quantities of what has no price in columns of our own, since they were charged for nothing.
func (h *Handlers) exportFOCUS(c *gin.Context, wanted models.UsageQuery) error {
	cells := startCSV(c, "usage-focus.csv")
	_ = cells.Write([]string{
		"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory",
		"ChargeDescription", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ResourceId", "ResourceType", "SubAccountId", "SubAccountName",
		"x_Tokens", "x_Requests", "x_UnpricedEvents", "x_UserId", "x_UserName",
	})
	err := models.EachUsageDay(ctx(c), h.DB, wanted, func(d models.UsageDay) error {
		cost := d.Cost.String()
		return cells.Write(spreadsheetSafe([]string{
			cost, cost, cost, cost, "USD", d.Day.Format(time.RFC3339), d.Day.AddDate(0, 0, 1).Format(time.RFC3339), "Usage",
			d.Provider + "/" + d.Model, d.Provider, d.Provider, "AI and Machine Learning", d.Provider, d.Model, "Model", count(d.ProfileID), d.Profile,
			count(d.Tokens), count(d.Requests), count(d.Unpriced), d.UserID, d.User,
		}))
	})
	cells.Flush()
	if err != nil {
		return err
	}
	return cells.Error()
}

func startCSV(c *gin.Context, name string) *csv.Writer {
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="`+name+`"`)
	cells := csv.NewWriter(c.Writer)
	cells.UseCRLF = true
	return cells
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
