package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A preview is applied once: Back and Apply again change nothing, and say so.
func TestPreviewIsAppliedOnce(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	path := "/access-profiles/4/propagate"
	s.Admin.API("PUT", "/api/access-profiles/4", `{"budgets":[{"max_limit":7,"reset_duration":"1d"}]}`).Is(200)
	preview := s.Session.Get(path + "/preview?fields=budgets").Is(http.StatusOK)
	form := url.Values{}
	for _, field := range preview.All("input", "type", "hidden") {
		form.Add(webtest.Attribute(field, "name"), webtest.Attribute(field, "value"))
	}
	job := s.Session.Post(path, form).Is(http.StatusSeeOther).Header.Get("Location")
	rows, jobs := s.Count("audit_logs"), s.Count("propagation_jobs")
	again := s.Session.Post(path, form).Redirects(job)
	if flash := webtest.Text(s.Session.With("Cookie", s.Session.Header.Get("Cookie")+"; "+webtest.CookieOf(again, "flash")).Get(job).Is(200).One("body")); !strings.Contains(
		flash, "This preview was applied already: 0 left to change.") {
		t.Error("the page does not say that it was applied already")
	}
	webtest.Same(t, "audit rows", s.Count("audit_logs"), rows)
	webtest.Same(t, "propagations", s.Count("propagation_jobs"), jobs)
	// A new preview is another one.
	s.Session.Get(path + "/preview?fields=budgets").Is(http.StatusOK)
	form.Set("preview", "another")
	if other := s.Session.Post(path, form).Is(http.StatusSeeOther).Header.Get("Location"); other == job {
		t.Error("another preview led to the same propagation")
	}
}
