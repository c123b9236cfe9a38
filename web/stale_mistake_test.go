package web_test

import (
	"testing"

	"tollgate/web/webtest"
)

// Where a late save adds a row with a mistake, what is compared lacks the row: it stays in the form all the same.
func TestLateSaveKeepsARowWithAMistake(t *testing.T) {
	g := webtest.NewGateway(t)
	page, form := editing(g, g.Work)
	g.Admin.API("PUT", "/api"+page, `{"budgets":[{"max_limit":20,"reset_duration":"1M"}]}`).Is(200)
	const typed = "budgets[b9].max_limit"
	form.Set("budgets[b9].reset_duration", "1d")
	form.Set(typed, "twelve")
	form.Set("op", "save")
	answer := g.Session.Post(page, form)
	form = answer.Fields("profile-form")
	webtest.Same(t, "chosen for budgets", form.Get("choose.budgets"), "yours")
	webtest.Same(t, "what was typed", form.Get(typed), "twelve")
	form.Set("op", "save")
	form = g.Session.Post(page, form).Is(422).Fields("profile-form")
	webtest.Same(t, "what was typed, saved again", form.Get(typed), "twelve")
}
