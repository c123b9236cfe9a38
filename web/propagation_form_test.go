package web_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const propagatePage = "/access-profiles/1/propagate"

// hidden are the hidden fields of a form.
func (a answer) hidden(action string) url.Values {
	a.t.Helper()
	sent := url.Values{}
	for node := range a.one("form", "action", action).Descendants() {
		if node.Data == "input" && attribute(node, "type") == "hidden" {
			sent.Add(attribute(node, "name"), attribute(node, "value"))
		}
	}
	return sent
}

// facts are the terms and values of a page.
func (a answer) facts() map[string]string {
	a.t.Helper()
	terms, values, shown := a.all("dt"), a.all("dd"), map[string]string{}
	for i, term := range terms {
		shown[text(term)] = text(values[i])
	}
	return shown
}

// shows fails the test unless the page shows at least these facts.
func (a answer) shows(want map[string]string) {
	a.t.Helper()
	got := a.facts()
	for term, value := range want {
		if got[term] != value {
			a.t.Errorf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL.Path, term, got[term], value)
		}
	}
}

func TestPropagateByForm(t *testing.T) {
	c := newCrowd(t, 4)
	c.admin.api("PUT", c.copyPath(c.users[3]), `{"is_active":false}`).is(200)
	c.use(c.users[0], "spend", 5_000_000_000)
	form := c.session.get(propagatePage).is(200)
	ticked := []string{}
	for _, box := range form.all("input", "name", "fields") {
		if slices.ContainsFunc(box.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			ticked = append(ticked, attribute(box, "value"))
		}
	}
	if slices.Sort(ticked); !slices.Equal(ticked, slices.Sorted(slices.Values(allGroups))) {
		t.Errorf("ticked at first are %v", ticked)
	}
	if roles := form.all("input", "name", "group_ids"); len(roles) != 2 {
		t.Errorf("%d roles to choose from, want those of the holders", len(roles))
	}
	before := c.tables()
	query := url.Values{"fields": {"rate_limit", "budgets"}, "emails": {"person0@example.com\r\n PERSON3@example.com \r\n\r\nviewer@example.com"}}
	preview := c.session.get(propagatePage + "/preview?" + query.Encode()).is(200)
	preview.shows(map[string]string{"Change": "1 holder", "Have it already": "0 holders", "Skipped": "2 users"})
	var blocked []string
	for node := range preview.one("section", "aria-labelledby", "over").Descendants() {
		if node.Data == "th" && attribute(node, "scope") == "row" {
			blocked = append(blocked, text(node))
		}
	}
	if len(blocked) != 1 || !strings.HasSuffix(blocked[0], "person0@example.com") {
		t.Errorf("blocked when it applies are %v", blocked)
	}
	if !maps.Equal(before, c.tables()) {
		t.Error("a preview changed something")
	}
	sent := preview.hidden(propagatePage)
	if token := sent.Get("preview"); len(token) != 43 { // which lets it be applied once
		t.Errorf("the preview's token is %q", token)
	}
	sent.Del("preview")
	want := url.Values{"fields": {"rate_limit", "budgets"}, "version": {"3"}, "emails": {"person0@example.com", "PERSON3@example.com", "viewer@example.com"}}
	if sent.Encode() != want.Encode() {
		t.Errorf("the preview's form sends %v, want %v", sent, want)
	}
	c.session.post(propagatePage, url.Values{"fields": {"budgets"}}).refuses(400, "required", "version")
	c.session.post(propagatePage, url.Values{"fields": {"budgets"}, "version": {"x"}}).refuses(400, "wrong_type", "version")
	c.session.post(propagatePage, url.Values{"fields": {"budgets"}, "version": {"2"}}).refuses(412, "version_mismatch", "")
	if !maps.Equal(before, c.tables()) {
		t.Error("a refused form changed something")
	}
	done := c.session.post(propagatePage, sent).is(303)
	result := c.session.get(done.Header.Get("Location")).is(200)
	result.shows(map[string]string{"Done": "1", "Failed": "0", "Skipped": "2"})
	if said := text(result.one("p", "role", "status")); !strings.HasPrefix(said, "1 holder of Engineering has the ") || !strings.Contains(said, "version 3") {
		t.Errorf("the result says %q", said)
	}
	for i, want := range []float64{4.5, 10, 10, 10} {
		if got := row(c.held(c.users[i]), "budgets", 0)["max_limit"]; got != want {
			t.Errorf("the limit of user %d is %v, want %v", i, got, want)
		}
	}
	// For copies that are up to date there is nothing to apply, unless usage is reset.
	again := c.session.get(propagatePage + "/preview?fields=budgets&emails=person0@example.com").is(200)
	again.shows(map[string]string{"Change": "0 holders", "Have it already": "1 holder"})
	if buttons := again.all("button", "class", "button primary"); slices.ContainsFunc(buttons, func(b *html.Node) bool { return strings.HasPrefix(text(b), "Apply") }) {
		t.Error("there is something to apply")
	}
	reset := c.session.get(propagatePage + "/preview?fields=budgets&reset_usage=true&emails=person0@example.com").is(200)
	if sent := reset.hidden(propagatePage); sent.Get("reset_usage") != "true" {
		t.Errorf("the form sends %v", sent)
	}
	c.session.post(propagatePage, reset.hidden(propagatePage)).is(303)
	if used := row(c.held(c.users[0]), "budgets", 0)["current_usage"]; used != 0.0 {
		t.Errorf("%v used after a reset", used)
	}
}

func TestPropagateFormKeepsWhatWasSent(t *testing.T) {
	c := newCrowd(t, 2)
	before := c.tables()
	for _, row := range []struct {
		sent        url.Values
		code, param string
	}{
		{url.Values{}, "required", "fields"},
		{url.Values{"fields": {"budgets", "names"}}, "invalid_field", "fields[1]"},
		{url.Values{"fields": {"budgets"}, "emails": {"person0@example.com\nnobody@example.com"}}, "unknown_user", "emails[1]"},
		{url.Values{"fields": {"budgets"}, "group_ids": {"99999"}}, "unknown_group", "group_ids[0]"},
	} {
		row.sent.Set("version", "3")
		posted := c.session.post(propagatePage, row.sent).refuses(422, row.code, row.param)
		row.sent.Del("version")
		previewed := c.session.get(propagatePage+"/preview?"+row.sent.Encode()).refuses(422, row.code, row.param)
		for _, page := range []answer{posted, previewed} {
			typed := strings.Fields(text(page.one("textarea", "name", "emails")))
			if !slices.Equal(typed, strings.Fields(row.sent.Get("emails"))) {
				t.Errorf("%v: the form has the emails %v", row.sent, typed)
			}
			if budgets := page.one("input", "name", "fields", "value", "budgets"); row.sent.Has("fields") != slices.ContainsFunc(budgets.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
				t.Errorf("%v: the field is no longer ticked, or is now", row.sent)
			}
		}
	}
	c.login(viewer).get(propagatePage).refuses(403, "forbidden", "")
	c.login(viewer).with("Sec-Fetch-Site", "same-origin").post(propagatePage, url.Values{"fields": {"budgets"}, "version": {"3"}}).refuses(403, "forbidden", "")
	if !maps.Equal(before, c.tables()) {
		t.Error("a refused form changed something")
	}
}
