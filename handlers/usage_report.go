package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/quarantine"
	"tollgate/models/report"
	"tollgate/views"
	"tollgate/views/ui"
)

const (
	usageDays   = 30  // shown when nothing else is asked for
	longestSpan = 366 // days
	nearShown   = 10
)

// ShowUsage answers what was used, by provider, model, user, profile or day.
func (h *Handlers) ShowUsage(c *gin.Context) error {
	q, wanted, err := readUsageQuery(c)
	if err != nil {
		return h.refuseUsage(c, err, q, wanted)
	}
	loaded, err := report.LoadReport(ctx(c), h.DB, wanted)
	if err != nil {
		return h.refuseUsage(c, err, q, wanted)
	}
	if IsAPI(c) {
		rows := loaded.Rows
		if rows == nil {
			rows = []report.Row{}
		}
		writeJSON(c, http.StatusOK, gin.H{
			"usage": rows, "others": loaded.Others, "days": loaded.Days, "total": loaded.Total, "group_by": wanted.GroupBy,
			"since": wanted.Since.Format(time.DateOnly), "until": wanted.Until.Format(time.DateOnly),
			"time_zone": wanted.ZoneName(), "as_of": asOf(loaded.AsOf),
		})
		return nil
	}
	near, err := report.BudgetsNearLimit(ctx(c), h.DB, wanted, nearShown)
	if err != nil {
		return err
	}
	shown := views.UsagePage{
		Query: wanted, Zone: q.get("time_zone"), Report: loaded, Near: near, Now: time.Now(),
		Export: "/usage/export" + q.link(), Link: q.link,
	}
	if shown.UserName, shown.ProfileName, err = report.FilterNames(ctx(c), h.DB, wanted); err != nil {
		return err
	}
	if shown.Quarantined, err = quarantine.CountOpen(ctx(c), h.DB); err != nil {
		return err
	}
	actor := ActorOf(c)
	shown.MayViewUsers, shown.MayViewProfiles = actor.May("Users:View"), actor.May("AccessProfiles:View")
	h.html(c, http.StatusOK, framed(h.usagePage(c, wanted), views.UsageBody(shown)))
	return nil
}

// asOf is a time in whole seconds; nil when there is none.
func asOf(at *time.Time) any {
	if at == nil {
		return nil
	}
	return at.Truncate(time.Second)
}

// refuseUsage answers a report that cannot be had: the page keeps the days and filters asked for.
func (h *Handlers) refuseUsage(c *gin.Context, err error, q *query, wanted report.Query) error {
	refused, ok := problem.AsRefusal(err)
	if IsAPI(c) || !ok || refused.Reason != problem.Unreadable {
		return err
	}
	page := h.usagePage(c, wanted)
	markProblems(&page, refused.Problems)
	shown := views.UsagePage{Query: wanted, Zone: q.get("time_zone"), Link: q.link, Problems: refused.Problems}
	h.html(c, http.StatusBadRequest, framed(page, views.UsageRefused(shown)))
	return nil
}

func (h *Handlers) usagePage(c *gin.Context, wanted report.Query) ui.Page {
	page := h.page(c, "Usage", "/usage")
	page.Intro = "What gateways have reported, in whole days of " + wanted.ZoneName() + "."
	return page
}

// readUsageQuery reads which days and whose usage a report shows; left out, it is the last 30 days of every user.
func readUsageQuery(c *gin.Context, also ...string) (*query, report.Query, error) {
	q := readQuery(c, append([]string{
		"since", "until", "time_zone", "group_by", "provider", "model", "user_id", "access_profile_id",
	}, also...)...)
	wanted := report.Query{
		GroupBy: report.Groupings[0], Provider: q.typed("provider"), Model: q.typed("model"), UserID: q.typed("user_id"),
		ProfileID: q.number("access_profile_id", 0, 1, input.MaxCount), Zone: q.zone("time_zone"),
	}
	wanted.Until = wanted.Today(time.Now())
	wanted.Since = wanted.Until.AddDate(0, 0, 1-usageDays)
	if until := q.date("until"); until != nil {
		wanted.Until = *until
		wanted.Since = until.AddDate(0, 0, 1-usageDays)
	}
	if since := q.date("since"); since != nil {
		wanted.Since = *since
	}
	if by := q.get("group_by"); by != "" {
		if wanted.GroupBy = by; !slices.Contains(report.Groupings, by) {
			q.refuse("group_by", "invalid_group_by", "Group by provider, model, user, profile or day.")
		}
	}
	switch days := int(wanted.Until.Sub(wanted.Since).Hours()/24) + 1; {
	case days < 1:
		q.refuse("since", "invalid_range", "Start date must be before end date.")
	case days > longestSpan:
		q.refuse("since", "range_too_long", "Ask for at most 366 days at once.")
	}
	return q, wanted, q.err()
}

// zone reads the name of a time zone; nil is UTC.
func (q *query) zone(name string) *time.Location {
	text := q.typed(name)
	if text == "" {
		return nil
	}
	zone, ok := report.Zone(text)
	if !ok {
		q.refuse(name, "invalid_time_zone", "Give a time zone by its IANA name, like Europe/Berlin, or none for UTC.")
	}
	return zone
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
