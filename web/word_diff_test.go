package web_test

import (
	"net/http"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Every page that compares marks the words that differ, not whole values.
func TestComparisonsMarkWords(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddProvider("many", "m-1", "m-2", "m-3")
	id := s.ProfileNaming("Worded", `"description":"For everyone who writes code.","provider_configs":[{"provider_name":"many",
"allowed_models":["m-1","m-2"],"budgets":[{"max_limit":1250,"reset_duration":"1d"}]}],"budgets":[{"max_limit":9,"reset_duration":"1M"}]`)
	webtest.Same(t, "id", id, int64(5))
	s.Assign(s.Ada, id)
	form := s.Session.Get("/access-profiles/5/edit").Is(http.StatusOK).Fields("profile-form")
	s.Admin.API("PUT", "/api/access-profiles/5", `{"description":"For anyone who writes code.","provider_configs":[{"provider_name":"many",
"allowed_models":["m-1","m-3"],"budgets":[{"max_limit":2500,"reset_duration":"1d"}]}],"budgets":[]}`).Is(http.StatusOK)

	gone, come := "everyone|m-2|$1,250.00|$9.00 / month", "anyone|m-3|$2,500.00"
	compared := s.Session.Get("/access-profiles/5/versions/compare?from=1&to=2").Is(http.StatusOK)
	webtest.Same(t, "versions", marked(compared, "del", "removed: "), gone)
	webtest.Same(t, "versions", marked(compared, "ins", "added: "), come)
	webtest.Says(compared, "", "many: m-1, added: m-3 · added: $2,500.00 / day")
	back := s.Session.Get("/access-profiles/5/versions/compare?from=2&to=1").Is(http.StatusOK)
	webtest.Same(t, "the other way round", marked(back, "del", "removed: "), come)

	logged := s.Session.Get("/access-profiles/5/audit?action=update").Is(http.StatusOK)
	webtest.Same(t, "audit", marked(logged, "del", "removed: "), gone)
	webtest.Same(t, "audit", marked(logged, "ins", "added: "), come)

	preview := s.Session.Get("/access-profiles/5/propagate/preview?fields=provider_configs&fields=budgets").Is(http.StatusOK)
	webtest.Same(t, "preview", marked(preview, "del", "removed: "), "m-2|$1,250.00|$9.00 / month")
	webtest.Same(t, "preview", marked(preview, "ins", "added: "), "m-3|$2,500.00")

	form.Set("description", "For all who write code.")
	late := s.Session.Post("/access-profiles/5", form).Is(http.StatusPreconditionFailed)
	webtest.Same(t, "late save", marked(late, "mark", "differs: "),
		"all|write|anyone|writes|m-2|$1,250.00|m-3|$2,500.00|$9.00 / month")
}

// marked are the words of a page that stand in such elements, without what they are read out with.
func marked(page webtest.Answer, tag, readOut string) string {
	var words []string
	for _, node := range page.All(tag) {
		word, ok := strings.CutPrefix(webtest.Text(node), readOut)
		if !ok {
			word += " (read out as nothing)"
		}
		words = append(words, word)
	}
	return strings.Join(words, "|")
}
