package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/web/webtest"
)

func TestPropagateByForm(t *testing.T) {
	c := webtest.NewCrowd(t, 4)
	c.Admin.API("PUT", c.CopyPath(c.Users[3]), `{"is_active":false}`).Is(200)
	c.Use(c.Users[0], "spend", 5_000_000_000)
	form := c.Session.Get(webtest.PropagatePage).Is(200)
	ticked := []string{}
	for _, box := range form.All("input", "name", "fields") {
		if slices.ContainsFunc(box.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			ticked = append(ticked, webtest.Attribute(box, "value"))
		}
	}
	if slices.Sort(ticked); !slices.Equal(ticked, slices.Sorted(slices.Values(webtest.AllGroups))) {
		t.Errorf("ticked at first are %v", ticked)
	}
	if roles := form.All("input", "name", "group_ids"); len(roles) != 2 {
		t.Errorf("%d roles to choose from, want those of the holders", len(roles))
	}
	before := c.Tables()
	query := url.Values{"fields": {"rate_limit", "budgets"}, "emails": {"person0@example.com\r\n PERSON3@example.com \r\n\r\nviewer@example.com"}}
	preview := c.Session.Post(webtest.PropagatePage+"/preview", query).Is(200)
	preview.Shows(map[string]string{"Change": "1 holder", "Have it already": "0 holders", "Skipped": "2 users"})
	var blocked []string
	for node := range preview.One("section", "aria-labelledby", "over").Descendants() {
		if node.Data == "th" && webtest.Attribute(node, "scope") == "row" {
			blocked = append(blocked, webtest.Text(node))
		}
	}
	if len(blocked) != 1 || !strings.HasSuffix(blocked[0], "person0@example.com") {
		t.Errorf("blocked when it applies are %v", blocked)
	}
	if !maps.Equal(before, c.Tables()) {
		t.Error("a preview changed something")
	}
	sent := preview.Hidden(webtest.PropagatePage)
	if token := sent.Get("preview"); len(token) != 43 { // which lets it be applied once
		t.Errorf("the preview's token is %q", token)
	}
	sent.Del("preview")
	want := url.Values{"fields": {"rate_limit", "budgets"}, "version": {"3"}, "emails": {"person0@example.com\nPERSON3@example.com\nviewer@example.com"}}
	if sent.Encode() != want.Encode() {
		t.Errorf("the preview's form sends %v, want %v", sent, want)
	}
	c.Session.Post(webtest.PropagatePage, url.Values{"fields": {"budgets"}}).Refuses(400, "required", "version")
	c.Session.Post(webtest.PropagatePage, url.Values{"fields": {"budgets"}, "version": {"x"}}).Refuses(400, "wrong_type", "version")
	c.Session.Post(webtest.PropagatePage, url.Values{"fields": {"budgets"}, "version": {"2"}}).Refuses(412, "version_mismatch", "")
	if !maps.Equal(before, c.Tables()) {
		t.Error("a refused form changed something")
	}
	done := c.Session.Post(webtest.PropagatePage, sent).Is(303)
	result := c.Session.Get(done.Header.Get("Location")).Is(200)
	result.Shows(map[string]string{"Done": "1", "Failed": "0", "Skipped": "2"})
	if said := webtest.Text(result.One("p", "role", "status")); !strings.HasPrefix(said, "1 holder of Engineering has the ") || !strings.Contains(said, "version 3") {
		t.Errorf("the result says %q", said)
	}
	for i, want := range []float64{4.5, 10, 10, 10} {
		if got := webtest.Row(c.Held(c.Users[i]), "budgets", 0)["max_limit"]; got != want {
			t.Errorf("the limit of user %d is %v, want %v", i, got, want)
		}
	}
	// For copies that are up to date there is nothing to apply, unless usage is reset.
	again := c.Session.Get(webtest.PropagatePage + "/preview?fields=budgets&emails=person0@example.com").Is(200)
	again.Shows(map[string]string{"Change": "0 holders", "Have it already": "1 holder"})
	if buttons := again.All("button", "class", "button primary"); slices.ContainsFunc(buttons, func(b *html.Node) bool { return strings.HasPrefix(webtest.Text(b), "Apply") }) {
		t.Error("there is something to apply")
	}
	reset := c.Session.Get(webtest.PropagatePage + "/preview?fields=budgets&reset_usage=true&emails=person0@example.com").Is(200)
	if sent := reset.Hidden(webtest.PropagatePage); sent.Get("reset_usage") != "true" {
		t.Errorf("the form sends %v", sent)
	}
	c.Session.Post(webtest.PropagatePage, reset.Hidden(webtest.PropagatePage)).Is(303)
	if used := webtest.Row(c.Held(c.Users[0]), "budgets", 0)["current_usage"]; used != 0.0 {
		t.Errorf("%v used after a reset", used)
	}
}

// Many addresses are more than the address of a page holds: the form posts them, and sends them on in one field.
func TestPropagateToManyAddresses(t *testing.T) {
	c := webtest.NewCrowd(t, 1)
	c.Exec(`INSERT INTO users (id, name, email, email_key, role_id)
SELECT gen_random_uuid(), n, n || '@a-long-name-of-a-domain.example.org', n || '@a-long-name-of-a-domain.example.org', ? FROM generate_series(1, 1200) AS n`, c.Roles[1])
	pasted := []string{"Zero, Person <person0@example.com>"}
	for n := range 1200 {
		pasted = append(pasted, fmt.Sprint(n+1, "@a-long-name-of-a-domain.example.org"))
	}
	form := c.Session.Get(webtest.PropagatePage).Is(200).One("form", "action", webtest.PropagatePage+"/preview")
	webtest.Same(t, "method", webtest.Attribute(form, "method"), "post")
	sent := url.Values{"fields": {"budgets"}, "emails": {strings.Join(pasted, "\r\n")}}
	preview := c.Session.Post(webtest.PropagatePage+"/preview", sent).Is(200)
	preview.Shows(map[string]string{"Change": "1 holder", "Skipped": "1,200 users"})
	hidden := preview.Hidden(webtest.PropagatePage)
	webtest.Same(t, "fields of addresses", len(hidden["emails"]), 1)
	done := c.Session.Post(webtest.PropagatePage, hidden).Is(303)
	c.Session.Get(done.Header.Get("Location")).Is(200).Shows(map[string]string{"Done": "1", "Skipped": "1,200"})
}

func TestPropagateFormKeepsWhatWasSent(t *testing.T) {
	c := webtest.NewCrowd(t, 2)
	before := c.Tables()
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
		posted := c.Session.Post(webtest.PropagatePage, row.sent).Refuses(422, row.code, row.param)
		row.sent.Del("version")
		previewed := c.Session.Get(webtest.PropagatePage+"/preview?"+row.sent.Encode()).Refuses(422, row.code, row.param)
		sent := c.Session.Post(webtest.PropagatePage+"/preview", row.sent).Refuses(422, row.code, row.param)
		for _, page := range []webtest.Answer{posted, previewed, sent} {
			typed := strings.Fields(webtest.Text(page.One("textarea", "name", "emails")))
			if !slices.Equal(typed, strings.Fields(row.sent.Get("emails"))) {
				t.Errorf("%v: the form has the emails %v", row.sent, typed)
			}
			if budgets := page.One("input", "name", "fields", "value", "budgets"); row.sent.Has("fields") != slices.ContainsFunc(budgets.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
				t.Errorf("%v: the field is no longer ticked, or is now", row.sent)
			}
		}
	}
	c.Login(webtest.Viewer).Get(webtest.PropagatePage).Refuses(403, "forbidden", "")
	c.Login(webtest.Viewer).With("Sec-Fetch-Site", "same-origin").Post(webtest.PropagatePage, url.Values{"fields": {"budgets"}, "version": {"3"}}).Refuses(403, "forbidden", "")
	if !maps.Equal(before, c.Tables()) {
		t.Error("a refused form changed something")
	}
}
