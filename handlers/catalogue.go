package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
	"github.com/uptrace/bun"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/inventory"
	"tollgate/views/ui"
)

// catalogueQuery reads which part of a list of the catalogue is asked for.
func catalogueQuery(c *gin.Context) (*intake.Query, database.CatalogueQuery, error) {
	q := intake.ReadQuery(c, "limit", "offset", "search")
	return q, catalogueOf(q), q.Err()
}

func catalogueOf(q *intake.Query) database.CatalogueQuery {
	limit, offset := q.Page()
	return database.CatalogueQuery{Limit: limit, Offset: offset, Search: q.Search()}
}

// longQuery is catalogueQuery for a list of any length: a page of the console counts no further than people read, and
// deep pages begin after a row. Everywhere are further parameters of both doors, onPages those of pages alone.
func longQuery(c *gin.Context, everywhere []string, onPages ...string) (*intake.Query, database.CatalogueQuery) {
	allowed := append([]string{"limit", "offset", "search"}, everywhere...)
	if reqctx.IsAPI(c) {
		q := intake.ReadQuery(c, allowed...)
		return q, catalogueOf(q)
	}
	q := intake.ReadQuery(c, append(append(allowed, "after"), onPages...)...)
	wanted := catalogueOf(q)
	wanted.CountTo, wanted.After = countedOnPages, q.Get("after")
	return q, wanted
}

// writeList answers one page of a list under its plural.
func writeList[T any](c *gin.Context, plural string, rows []T, total int64, q database.CatalogueQuery) error {
	reply.JSON(c, http.StatusOK, gin.H{
		plural: rows, "count": len(rows), "total_count": total, "limit": q.Limit, "offset": q.Offset,
	})
	return nil
}

// catalogueList is the list of one resource, for both doors.
type catalogueList[T any] struct {
	plural       string // in JSON
	title, intro string
	href         string
	noun         string // of many, in words
	resource     string // of the permissions
	newOne       string // what the button to make one says
	read         func(context.Context, bun.IDB, database.CatalogueQuery) ([]T, int64, error)
	body         func(ui.ListFrame, []T) templ.Component
}

// answer answers a page of the list.
func (l catalogueList[T]) answer(h *Handlers, c *gin.Context) error {
	q, wanted, err := catalogueQuery(c)
	if err != nil {
		return err
	}
	rows, total, err := l.read(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, l.plural, rows, total, wanted)
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(rows), total) {
		return nil
	}
	page := h.page(c, l.title, l.href)
	page.Rows, page.Intro = len(rows) > 0, l.intro
	frame := listFrame(c, q, wanted, len(rows), total, l.noun, l.resource)
	if frame.MayCreate {
		page.Actions = ui.NewButton(l.newOne, l.href+"/new")
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, l.body(frame, rows)))
	return nil
}

// listFrame is what the pages of the three lists have in common; resource is that of the permissions.
func listFrame(
	c *gin.Context, q *intake.Query, wanted database.CatalogueQuery, shown int, total int64, noun, resource string,
) ui.ListFrame {
	actor := reqctx.Actor(c)
	may := func(operation string) bool { return actor.May(permission.Permission(resource + ":" + operation)) }
	return ui.ListFrame{
		Search: wanted.Search, Kept: kept(q, "search"), Now: time.Now(),
		Pager:     pager(q, wanted.Limit, wanted.Offset, int64(shown), total, noun),
		MayCreate: may("Create"), MayUpdate: may("Update"), MayDelete: may("Delete"),
	}
}

// saved answers a row that was created or changed: under its singular on the API, by its page in the console.
func saved(c *gin.Context, status int, singular string, row any, href, flash string) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, href, flash)
	}
	if status == http.StatusCreated {
		c.Header("Location", "/api"+href)
	}
	reply.JSON(c, status, gin.H{singular: row})
	return nil
}

// deleted answers that a row is gone.
func deleted(c *gin.Context, name, list string) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, list, name+" was deleted.")
	}
	reply.JSON(c, http.StatusOK, gin.H{"message": name + " was deleted."})
	return nil
}

// below is the frame of a page below a list of the catalogue; name and href are those of the row the page is about, if
// any.
func (h *Handlers) below(c *gin.Context, title, list, listHref, name, href string) ui.Page {
	page := h.page(c, title, listHref)
	page.Crumbs = []ui.Crumb{{Label: list, Href: listHref}}
	if name != "" {
		page.Crumbs = append(page.Crumbs, ui.Crumb{Label: name, Href: href})
	}
	return page
}

// ask shows a page that asks before an action; after the action was tried, the page shows its problems.
func (h *Handlers) ask(c *gin.Context, page func(*gin.Context, problem.Problems) (templ.Component, error)) error {
	shown, err := page(c, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, shown)
	return nil
}

// askUnless asks before an action, or says why it is refused: by the problems of an attempt, or by the refusal that an
// attempt would meet.
func askUnless(
	page ui.Page, confirm ui.Confirm, problems problem.Problems, refusal error,
) (templ.Component, error) {
	if len(problems) > 0 {
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
	} else if would, ok := problem.AsRefusal(refusal); ok {
		problems = would.Problems
	} else if refusal != nil {
		return nil, refusal
	}
	if len(problems) > 0 {
		confirm.Effects, confirm.Blocked = nil, problems[0].Message
	}
	return framed(page, ui.ConfirmBody(confirm)), nil
}

// deletion is the page that asks before a row is deleted. While the row is in use, the page lists where; it has
// problems after a deletion was tried.
func deletion(
	page ui.Page, name, href string, effects []string, use catalogue.Use, problems problem.Problems,
) templ.Component {
	confirm := ui.Confirm{Action: href + "/delete", Verb: "Delete " + name, Cancel: href, Effects: effects}
	if !use.None() || len(problems) > 0 {
		confirm.Effects, confirm.Blocked = nil, inventory.DeleteBlocked(name, use)
	}
	if len(problems) > 0 {
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
	}
	return framed(page, inventory.CatalogueDelete(confirm, use))
}
