package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A preview is applied once: Back and Apply again change nothing, and say so.
func TestPreviewIsAppliedOnce(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	path := "/access-profiles/4/propagate"
	s.admin.api("PUT", "/api/access-profiles/4", `{"budgets":[{"max_limit":7,"reset_duration":"1d"}]}`).is(200)
	preview := s.session.get(path + "/preview?fields=budgets").is(http.StatusOK)
	form := url.Values{}
	for _, field := range preview.all("input", "type", "hidden") {
		form.Add(attribute(field, "name"), attribute(field, "value"))
	}
	job := s.session.post(path, form).is(http.StatusSeeOther).Header.Get("Location")
	rows, jobs := s.count("audit_logs"), s.count("propagation_jobs")
	again := s.session.post(path, form).redirects(job)
	if flash := text(s.session.with("Cookie", s.session.header.Get("Cookie")+"; "+cookieOf(again, "flash")).get(job).is(200).one("body")); !strings.Contains(
		flash, "This preview was applied already: 0 left to change.") {
		t.Error("the page does not say that it was applied already")
	}
	same(t, "audit rows", s.count("audit_logs"), rows)
	same(t, "propagations", s.count("propagation_jobs"), jobs)
	// A new preview is another one.
	s.session.get(path + "/preview?fields=budgets").is(http.StatusOK)
	form.Set("preview", "another")
	if other := s.session.post(path, form).is(http.StatusSeeOther).Header.Get("Location"); other == job {
		t.Error("another preview led to the same propagation")
	}
}

func cookieOf(a answer, name string) string {
	cookie, _ := a.cookie(name)
	return name + "=" + cookie.Value
}
