package handlers

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/models"
	"tollgate/views"
)

// ListAuditLogs answers the audit log, or a profile's part of it, newest first.
func (h *Handlers) ListAuditLogs(c *gin.Context) error {
	q, wanted, err := readAuditQuery(c, "limit", "offset", "action", "user_id", "actor", "since", "until")
	shown := views.AuditPage{
		Path: c.Request.URL.Path, Action: wanted.Action, Actor: wanted.Actor, Since: q.get("since"), Until: q.get("until"), UserID: wanted.UserID,
		Filtered: len(q.names) > 0, Export: c.Request.URL.Path + "/export" + q.link("limit", ""), Problems: q.problems,
		WithoutUser: c.Request.URL.Path + q.link("user_id", ""),
	}
	if len(q.problems) > 0 && !IsAPI(c) {
		return h.auditPage(c, http.StatusBadRequest, wanted, shown)
	}
	if err != nil {
		return err
	}
	rows, total, err := models.ListAuditLogs(ctx(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if IsAPI(c) {
		writeJSON(c, http.StatusOK, gin.H{"audit_logs": rows, "total_count": total})
		return nil
	}
	catalogue, err := models.LoadCatalogue(ctx(c), h.DB)
	if err != nil {
		return err
	}
	affected := views.UsersAffected(rows)
	if ActorOf(c).May("Users:View") {
		affected = append(affected, wanted.UserID) // who else exists is not told
	}
	names, err := models.UserNames(ctx(c), h.DB, affected)
	if err != nil {
		return err
	}
	shown.UserName = names[wanted.UserID]
	shown.Rows = views.AuditRows(rows, catalogue, names, time.Now())
	shown.Pager = pager(q, wanted.Limit, wanted.Offset, int64(len(rows)), total, "rows")
	return h.auditPage(c, http.StatusOK, wanted, shown)
}

// auditPage is the log, or the tab of a profile with its part of it.
func (h *Handlers) auditPage(c *gin.Context, status int, wanted models.AuditQuery, shown views.AuditPage) error {
	page := h.page(c, "Audit", "/audit")
	if wanted.ProfileID != nil {
		profile, err := h.standing(c, *wanted.ProfileID)
		if err != nil {
			return err
		}
		if page, err = h.tabbedPage(c, profile, "audit"); err != nil {
			return err
		}
	}
	markProblems(&page, shown.Problems)
	h.html(c, status, framed(page, views.AuditBody(shown)))
	return nil
}

func readAuditQuery(c *gin.Context, allowed ...string) (*query, models.AuditQuery, error) {
	q := readQuery(c, allowed...)
	limit, offset := q.page()
	wanted := models.AuditQuery{
		Limit: limit, Offset: offset, Action: q.get("action"), UserID: q.get("user_id"), Actor: q.get("actor"),
		Since: q.day("since", 0), Until: q.day("until", 1),
	}
	if wanted.Since != nil && wanted.Until != nil && !wanted.Since.Before(*wanted.Until) {
		q.refuse("since", "invalid_range", "Let the days begin before they end.")
	}
	if c.Param("id") != "" {
		id, err := rowIDOf(c, "id")
		if err != nil {
			return q, wanted, err
		}
		wanted.ProfileID = &id
	}
	if err := q.err(); err != nil {
		return q, wanted, err
	}
	return q, wanted, wanted.CheckAction()
}

// day reads a date, or a time, of RFC 3339; a date stands for its start, shifted by whole days.
func (q *query) day(name string, shift int) *time.Time {
	text := q.get(name)
	if text == "" {
		return nil
	}
	if date, err := time.Parse(time.DateOnly, text); err == nil {
		date = date.AddDate(0, 0, shift)
		return &date
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.refuse(name, "invalid_time", "Send "+name+" as a date such as 2026-11-23, or as a time of RFC 3339.")
		return nil
	}
	return &at
}

// ExportAuditLogs hands out every row that matches as a file: CSV, or JSON lines.
func (h *Handlers) ExportAuditLogs(c *gin.Context) error {
	q, wanted, err := readAuditQuery(c, "limit", "action", "user_id", "actor", "since", "until", "format")
	if err != nil {
		return err
	}
	switch q.get("format") {
	case "csv", "":
		c.Header("Content-Type", "text/csv; charset=utf-8")
		c.Header("Content-Disposition", `attachment; filename="audit.csv"`)
		return exportCSV(c, h, wanted)
	case "jsonl":
		c.Header("Content-Type", "application/jsonl; charset=utf-8")
		c.Header("Content-Disposition", `attachment; filename="audit.jsonl"`)
		lines := json.NewEncoder(c.Writer)
		return h.eachAuditLog(c, wanted, func(row models.AuditLog) error { return lines.Encode(row) })
	}
	return unreadable("format", "invalid_format", "Choose csv or jsonl.")
}

func exportCSV(c *gin.Context, h *Handlers, wanted models.AuditQuery) error {
	cells := csv.NewWriter(c.Writer)
	cells.UseCRLF = true
	err := cells.Write([]string{"id", "created_at", "actor", "action", "access_profile_id", "user_id", "previous_values", "new_values", "metadata"})
	if err != nil {
		return err
	}
	err = h.eachAuditLog(c, wanted, func(row models.AuditLog) error { return cells.Write(spreadsheetSafe(views.AuditCells(row))) })
	cells.Flush()
	if err != nil {
		return err
	}
	return cells.Error()
}

// eachAuditLog ends the file early when the reader is gone or the database fails: the status was sent with the first row.
func (h *Handlers) eachAuditLog(c *gin.Context, wanted models.AuditQuery, write func(models.AuditLog) error) error {
	err := models.EachAuditLog(ctx(c), h.DB, wanted, write)
	if err != nil && c.Writer.Written() {
		h.Log.ErrorContext(ctx(c), "export ended early", "error", err.Error(), "request_id", RequestID(c))
		panic(http.ErrAbortHandler)
	}
	return err
}

// spreadsheetSafe keeps a spreadsheet from running a cell as a formula.
func spreadsheetSafe(cells []string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n\x00", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}
