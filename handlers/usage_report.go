package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/report"
	"tollgate/views/traffic"
	"tollgate/views/ui"
)

const (
	usageDays   = 30  // shown when nothing else is asked for
	longestSpan = 366 // days
)

// ShowUsage answers what was used, by provider, model, user, profile or day.
func (h *Handlers) ShowUsage(c *gin.Context) error {
	if !reqctx.IsAPI(c) {
		return h.showUsagePage(c)
	}
	_, wanted, err := readUsageQuery(c, false)
	if err != nil {
		return err
	}
	loaded, err := report.LoadReport(reqctx.Of(c), h.readFrom(c), wanted)
	if err != nil {
		return err
	}
	rows := loaded.Rows
	if rows == nil {
		rows = []report.Row{}
	}
	reply.JSON(c, http.StatusOK, gin.H{
		"usage": rows, "others": loaded.Others, "days": loaded.Days, "total": loaded.Total, "group_by": wanted.GroupBy,
		"since": wanted.Since.Format(time.DateOnly), "until": wanted.Until.Format(time.DateOnly),
		"time_zone": wanted.ZoneName(), "as_of": asOf(loaded.AsOf),
	})
	return nil
}

// asOf is a time in whole seconds; nil when there is none.
func asOf(at *time.Time) any {
	if at == nil {
		return nil
	}
	return at.Truncate(time.Second)
}

// usageRefused is the page of a report that was refused; it keeps the days and filters of the request.
func (h *Handlers) usageRefused(c *gin.Context, q *intake.Query, wanted report.Query) refusedPage {
	return func(problems problem.Problems) (templ.Component, error) {
		page := h.usagePage(c, wanted)
		reply.MarkProblems(&page, problems)
		return framed(page, traffic.UsageRefused(traffic.UsagePage{
			Query: wanted, Zone: q.Get("time_zone"), Link: q.Link, Kept: kept(q, usageDates...), Problems: problems,
			Today: wanted.Today(time.Now()),
		})), nil
	}
}

func (h *Handlers) usagePage(c *gin.Context, wanted report.Query) ui.Page {
	page := h.page(c, "Usage", "/usage")
	page.Intro = "What gateways have reported, in whole days of " + wanted.ZoneName() + "."
	return page
}

// readUsageQuery reads which days and whose usage a report shows; left out, it is the last 30 days of every
// user, and on the page this month by user.
func readUsageQuery(c *gin.Context, onPage bool, also ...string) (*intake.Query, report.Query, error) {
	q := intake.ReadQuery(c, append([]string{
		"since", "until", "time_zone", "group_by", "provider", "model", "user_id", "access_profile_id",
	}, also...)...)
	wanted := report.Query{
		GroupBy: report.Groupings[0], Provider: q.Typed("provider"), Model: q.Typed("model"), UserID: q.Typed("user_id"),
		ProfileID: q.Number("access_profile_id", 0, 1, input.MaxCount), Zone: q.Zone("time_zone"),
	}
	wanted.Until = wanted.Today(time.Now())
	wanted.Since = wanted.Until.AddDate(0, 0, 1-usageDays)
	if onPage {
		wanted.Since = wanted.Until.AddDate(0, 0, 1-wanted.Until.Day())
		if wanted.UserID == "" {
			wanted.GroupBy = "user"
		}
	}
	if until := q.Date("until"); until != nil {
		wanted.Until = *until
		wanted.Since = until.AddDate(0, 0, 1-usageDays)
	}
	if since := q.Date("since"); since != nil {
		wanted.Since = *since
	}
	if by := q.Get("group_by"); by != "" {
		if wanted.GroupBy = by; !slices.Contains(report.Groupings, by) {
			q.Refuse("group_by", "invalid_group_by", "Group by provider, model, user, profile or day.")
		}
	}
	switch days := int(wanted.Until.Sub(wanted.Since).Hours()/24) + 1; {
	case days < 1:
		q.Refuse("since", "invalid_range", "Start date must be before end date.")
	case days > longestSpan:
		q.Refuse("since", "range_too_long", "Ask for at most 366 days at once.")
	}
	return q, wanted, q.Err()
}
