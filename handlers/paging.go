package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/views/ui"
)

const (
	// countedOnPages is how far pages count: further pages are not read, and counting takes longer than reading the page.
	countedOnPages = 10_000
	// offsetPages are as many as are skipped row by row; deeper ones begin after the last row of the page before.
	offsetPages = 100
)

// pager says which part of a list is shown, with links to the parts before and after it.
func pager(q *intake.Query, limit, offset, shown, total int64, noun string) ui.Pager {
	p := ui.Pager{From: min(offset+1, total), To: offset + shown, Total: total, Noun: noun}
	if offset > 0 {
		p.Previous = q.Link("offset", strconv.FormatInt(max(offset-limit, 0), 10))
	}
	if offset+shown < total {
		p.Next = q.Link("offset", strconv.FormatInt(offset+limit, 10))
	}
	return p
}

// kept are the parameters that a form of filters sends besides its own fields; it leads to the first page. What was
// refused is not sent again.
func kept(q *intake.Query, own ...string) []ui.Field {
	var fields []ui.Field
	for _, name := range q.Names {
		if name != "offset" && name != "after" && !slices.Contains(own, name) && len(q.Problems.At(name)) == 0 {
			fields = append(fields, ui.Field{Name: name, Value: q.Get(name)})
		}
	}
	return fields
}

// longPager is pager for a list that is counted up to countedOnPages; last is the id of the last row shown.
func longPager(q *intake.Query, limit, offset, shown, total int64, noun, last string) ui.Pager {
	p := pager(q, limit, offset, shown, total, noun)
	if total > countedOnPages {
		p.From, p.Total, p.Uncounted = offset+1, countedOnPages, true
		if shown == limit {
			p.Next = q.Link("offset", strconv.FormatInt(offset+limit, 10))
		}
	}
	if p.Next != "" && offset+limit >= offsetPages*limit {
		p.Next = q.Link("offset", strconv.FormatInt(offset+limit, 10), "after", last)
	}
	return p
}

// behindEnd redirects a page after the end of a list, which would be empty, to the last page.
func behindEnd(c *gin.Context, q *intake.Query, limit, offset int64, shown int, total int64) bool {
	last := max(0, total-1) / limit * limit
	if shown > 0 || offset <= last {
		return false
	}
	address := q.Link("offset", strconv.FormatInt(last, 10))
	if last == 0 {
		address = q.Link("offset", "")
	}
	c.Redirect(http.StatusSeeOther, strings.TrimSuffix(c.Request.URL.Path+address, "?"))
	return true
}

// sortLink heads a column: a click sorts by it, a second click reverses the order. Columns of times start with the
// newest.
func sortLink(q *intake.Query, sorted, column, label string, newestFirst bool) ui.SortLink {
	link := ui.SortLink{Label: label}
	next := column
	if newestFirst {
		next = "-" + column
	}
	switch {
	case sorted == column:
		link.Direction, next = "ascending", "-"+column
	case strings.TrimPrefix(sorted, "-") == column:
		link.Direction, next = "descending", column
	}
	link.Href = q.Link("sort", next)
	return link
}
