package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/blocked"
	"tollgate/models/permission"
	"tollgate/models/report"
	"tollgate/views/traffic"
	"tollgate/views/ui"
)

const usageRows = 25

// usageDates are the fields of the form for other days.
var usageDates = []string{"since", "until", "time_zone"}

// showUsagePage shows the users who need an administrator, the sum of the days, and a page of rows.
func (h *Handlers) showUsagePage(c *gin.Context) error {
	q, filtered, err := readUsageQuery(c, true, "sort", "offset", "then")
	wanted := report.PageQuery{
		Query: filtered, Sort: q.Get("sort"), Then: q.Get("then"), Limit: usageRows, Today: filtered.Today(time.Now()),
	}
	wanted.Offset = q.Number("offset", 0, 0, 1<<63-1)
	if wanted.Sort == "" {
		wanted.Sort = "-spend"
	} else {
		wanted.Sort = q.Sort(report.Sorts)
	}
	if then := wanted.Then; then != "" && (then == "day" || !slices.Contains(report.Groupings, then)) {
		q.Refuse("then", "invalid_group_by", "Break rows down by provider, model, user or profile.")
	}
	if err == nil {
		err = q.Err()
	}
	if err != nil {
		return h.refuse(c, err, h.usageRefused(c, q, filtered))
	}
	loaded, err := h.Watch.LoadPage(reqctx.Of(c), h.readFrom(c), wanted)
	if err != nil {
		return h.refuse(c, err, h.usageRefused(c, q, filtered))
	}
	if behindEnd(c, q, usageRows, wanted.Offset, len(loaded.Rows), max(loaded.Count, 1)) && wanted.GroupBy != "day" {
		return nil
	}
	shown, err := h.usageShown(c, q, wanted, loaded)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(h.usagePage(c, filtered), traffic.UsageBody(shown)))
	return nil
}

func (h *Handlers) usageShown(
	c *gin.Context, q *intake.Query, wanted report.PageQuery, loaded report.Page,
) (shown traffic.UsagePage, err error) {
	actor := reqctx.Actor(c)
	shown = traffic.UsagePage{
		Needs: loaded.Needs, UserName: loaded.UserName, ProfileName: loaded.ProfileName, Quarantined: loaded.Quarantined,
		Query: wanted.Query, Page: loaded, Then: wanted.Then, Zone: q.Get("time_zone"), Now: time.Now(), Today: wanted.Today,
		Export: "/usage/export" + q.Link("sort", "", "then", "", "since", wanted.Since.Format(time.DateOnly),
			"until", wanted.Until.Format(time.DateOnly), "group_by", wanted.GroupBy),
		Link: q.Link, Kept: kept(q, usageDates...),
		Sort: map[string]ui.SortLink{
			"name":     sortLink(q, wanted.Sort, "name", traffic.GroupingName(wanted.GroupBy), false),
			"spend":    sortLink(q, wanted.Sort, "spend", "Spend", true),
			"tokens":   sortLink(q, wanted.Sort, "tokens", "Tokens", true),
			"requests": sortLink(q, wanted.Sort, "requests", "Requests", true),
		},
		Pager:        pager(q, usageRows, wanted.Offset, int64(len(loaded.Rows)), loaded.Count, wanted.GroupBy+"s"),
		MayViewUsers: actor.May(permission.ViewUsers), MayViewProfiles: actor.May(permission.ViewAccessProfiles),
		MayRaise: actor.May(permission.UpdateAccessProfiles),
	}
	if wanted.GroupBy == "user" && len(loaded.Rows) > 0 {
		ids := make([]string, len(loaded.Rows))
		for i, row := range loaded.Rows {
			ids[i] = row.Key
		}
		if shown.States, err = blocked.States(reqctx.Of(c), h.readFrom(c), ids); err != nil {
			return shown, err
		}
	}
	return shown, nil
}
