package handlers

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/audit"
	"tollgate/models/catalogue"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/history"
	"tollgate/views/ui"
)

// ListAuditLogs answers the audit log, or a profile's part of it, newest first.
func (h *Handlers) ListAuditLogs(c *gin.Context) error {
	allowed := []string{"limit", "offset", "id", "action", "resource", "search", "user_id", "actor", "since", "until"}
	if !reqctx.IsAPI(c) {
		allowed = append(allowed, "after")
	}
	q, wanted, err := readAuditQuery(c, allowed...)
	shown := auditShown(c, q, wanted)
	if err != nil && c.Param("id") != "" && wanted.ProfileID == nil {
		return err // no profile has such a page
	}
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			shown.Problems = problems
			if err := h.nameAuditRows(c, wanted, nil, &shown); err != nil {
				return nil, err
			}
			return h.auditPage(c, wanted, shown)
		})
	}
	if !reqctx.IsAPI(c) {
		wanted.CountTo = countedOnPages
	}
	rows, total, err := audit.List(reqctx.Of(c), h.readFrom(c), wanted)
	if err != nil {
		return err
	}
	since, err := h.auditKeptSince(c)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"audit_logs": rows, "total_count": total})
		return nil
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(rows), total) {
		return nil
	}
	shown.KeptSince = since
	if err := h.nameAuditRows(c, wanted, rows, &shown); err != nil {
		return err
	}
	last := ""
	if len(rows) > 0 {
		last = strconv.FormatInt(rows[len(rows)-1].ID, 10)
	}
	shown.Pager = longPager(q, wanted.Limit, wanted.Offset, int64(len(rows)), total, "rows", last)
	page, err := h.auditPage(c, wanted, shown)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// auditShown is what the page of the audit log says of a query.
func auditShown(c *gin.Context, q *intake.Query, wanted audit.Query) history.AuditPage {
	return history.AuditPage{
		Path: c.Request.URL.Path, Action: wanted.Action, Actor: wanted.Actor, Since: q.Get("since"), Until: q.Get("until"),
		UserID: wanted.UserID, Resource: wanted.Resource, Search: wanted.Search,
		Filtered: len(q.Names) > 0, Kept: kept(q, "search", "actor", "resource", "action", "since", "until"),
		Export:      c.Request.URL.Path + "/export" + q.Link("limit", ""),
		WithoutUser: c.Request.URL.Path + q.Link("user_id", ""), RowID: q.Get("id"),
		WithoutRow: c.Request.URL.Path + q.Link("id", ""),
	}
}

// nameAuditRows shows rows with the names of what they are about, and of users as far as the actor may see them.
func (h *Handlers) nameAuditRows(
	c *gin.Context, wanted audit.Query, rows []audit.Entry, shown *history.AuditPage,
) error {
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.readFrom(c))
	if err != nil {
		return err
	}
	affected, whom := history.UsersAffected(rows), "a user"
	if reqctx.Actor(c).May(permission.ViewUsers) {
		affected, whom = append(affected, wanted.UserID), "a user who is gone" // other users are not revealed
	}
	names, err := identity.UserNames(reqctx.Of(c), h.readFrom(c), affected)
	if err != nil {
		return err
	}
	shown.UserName = cmp.Or(names[wanted.UserID], whom)
	shown.Rows = history.AuditRows(rows, offered, names, time.Now())
	return nil
}

// keptSinceHeader tells since when the audit log is kept, if rows before were dropped.
const keptSinceHeader = "X-Kept-Since"

func (h *Handlers) auditKeptSince(c *gin.Context) (time.Time, error) {
	since, err := audit.KeptSince(reqctx.Of(c), h.readFrom(c))
	if err == nil && !since.IsZero() {
		c.Header(keptSinceHeader, since.Format(time.RFC3339))
	}
	return since, err
}

// auditPage is the log, or the tab of a profile with its part of it.
func (h *Handlers) auditPage(c *gin.Context, wanted audit.Query, shown history.AuditPage) (templ.Component, error) {
	page, err := h.auditFrame(c, wanted.ProfileID)
	if err != nil {
		return nil, err
	}
	reply.MarkProblems(&page, shown.Problems)
	page.Rows = len(shown.Rows) > 0
	return framed(page, history.AuditBody(shown)), nil
}

func (h *Handlers) auditFrame(c *gin.Context, profileID *int64) (ui.Page, error) {
	if profileID == nil {
		return h.page(c, "Audit", "/audit"), nil
	}
	profile, err := h.currentProfile(c, *profileID)
	if err != nil {
		return ui.Page{}, err
	}
	return h.tabbedPage(c, profile, "audit")
}

func readAuditQuery(c *gin.Context, allowed ...string) (*intake.Query, audit.Query, error) {
	q := intake.ReadQuery(c, allowed...)
	limit, offset := q.Page()
	wanted := audit.Query{
		Limit: limit, Offset: offset, ID: q.Number("id", 0, 1, 1<<63-1), Action: q.Get("action"),
		Resource: q.Get("resource"), Search: q.Typed("search"), UserID: q.Typed("user_id"), Actor: q.Typed("actor"),
		Since: q.Day("since", 0), Until: q.Day("until", 1), WithKeys: reqctx.Actor(c).May(permission.ViewAuditLogs),
		After: q.Number("after", 0, 1, 1<<63-1),
	}
	if wanted.Since != nil && wanted.Until != nil && !wanted.Since.Before(*wanted.Until) {
		q.Refuse("since", "invalid_range", "Start date must be before end date.")
	}
	if c.Param("id") != "" {
		id, err := intake.RowID(c, "id")
		if err != nil {
			return q, wanted, err
		}
		wanted.ProfileID = &id
	}
	if err := q.Err(); err != nil {
		return q, wanted, err
	}
	return q, wanted, wanted.Check()
}

// ExportAuditLogs answers every row that matches as a file: CSV, or JSON lines.
func (h *Handlers) ExportAuditLogs(c *gin.Context) error {
	q, wanted, err := readAuditQuery(c,
		"limit", "id", "action", "resource", "search", "user_id", "actor", "since", "until", "format", "excel")
	if err != nil {
		return err
	}
	excel := q.Flag("excel")
	if err := q.Err(); err != nil {
		return err
	}
	since, err := h.auditKeptSince(c)
	if err != nil {
		return err
	}
	name := "audit"
	if !since.IsZero() {
		name += "-kept-since-" + since.Format(time.DateOnly)
	}
	switch q.Get("format") {
	case "csv", "":
		return h.exportAuditCSV(c, name+".csv", wanted, excel)
	case "jsonl":
		return h.exportAuditLines(c, name+".jsonl", wanted)
	}
	return intake.Unreadable("format", "invalid_format", "Choose csv or jsonl.")
}

func (h *Handlers) exportAuditCSV(c *gin.Context, name string, wanted audit.Query, excel bool) error {
	file := newCSV(c, name, excel, true,
		"id", "created_at", "actor", "action", "access_profile_id", "user_id", "previous_values", "new_values", "metadata",
		"door", "api_key_name", "api_key_prefix")
	if c.Request.Method == http.MethodHead {
		return file.end()
	}
	err := audit.Each(reqctx.Of(c), h.readFrom(c), wanted, func(row audit.Entry) error {
		return file.write(history.AuditCells(row)...)
	})
	if err != nil {
		return err
	}
	return file.end()
}

func (h *Handlers) exportAuditLines(c *gin.Context, name string, wanted audit.Query) error {
	file := exportFile{c: c, name: name, media: "application/jsonl; charset=utf-8"}
	lines := json.NewEncoder(c.Writer)
	if c.Request.Method != http.MethodHead {
		err := audit.Each(reqctx.Of(c), h.readFrom(c), wanted, func(row audit.Entry) error {
			file.row()
			return lines.Encode(row)
		})
		if err != nil {
			return err
		}
	}
	if file.rows == 0 {
		file.row()
		c.Status(http.StatusOK)
	}
	return nil
}
