package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Addresses as mail programs write them are read alike where a profile is given and where a push is narrowed.
func TestPastedAddressesWithNames(t *testing.T) {
	s := webtest.NewStage(t)
	home := fmt.Sprint("/access-profiles/", webtest.Research)
	sent := "Weber, Anna <anna@example.com>; \"Mueller, Joerg\" <MAILTO:joerg@example.com>\nBen <ben@example.com>"
	given := s.Admin.API("POST", "/api"+home+"/give", object{"emails": sent}).Is(200)
	var got []string
	for _, line := range webtest.Objects(given.JSON()["lines"]) {
		got = append(got, fmt.Sprint(line["name"], " ", line["email"], " ", line["outcome"]))
	}
	webtest.Same(t, "given", got, []string{
		"Weber, Anna anna@example.com new_user", "Mueller, Joerg joerg@example.com new_user", "Ben ben@example.com new_user",
	})
	s.Admin.API("PUT", "/api"+home, object{"budgets": []object{{"max_limit": 7, "reset_duration": "1d"}}}).Is(200)
	push := func(emails string) webtest.Answer {
		return s.Session.Get(home + "/propagate/preview?" + url.Values{"fields": {"budgets"}, "emails": {emails}}.Encode())
	}
	preview := push(strings.ReplaceAll(sent, "Ben <ben@example.com>", "")).Is(200)
	text := webtest.Text(preview.One("main"))
	if !strings.Contains(text, "Anna") || !strings.Contains(text, "Joerg") || strings.Contains(text, "Ben") {
		t.Errorf("the preview of a push to two: %s", text)
	}
	home = "/access-profiles/" + fmt.Sprint(webtest.Research) + "/propagate"
	sentBack := preview.KeptFields(home)
	sentBack.Set("op", "back")
	again := s.Session.Post(home+"/preview", sentBack).Is(200).One("form", "action", home+"/preview")
	webtest.Same(t, "back in the form", webtest.FieldsIn(again), url.Values{
		"fields": {"budgets"}, "emails": {strings.TrimSpace(strings.NewReplacer("; ", "\n", "Ben <ben@example.com>", "").Replace(sent))},
	})
	s.Unchanged(func() {
		s.Session.Post(home, sentBack).Refuses(400, "unknown_field", "op")
		sentBack.Set("op", "forward")
		s.Session.Post(home+"/preview", sentBack).Refuses(400, "invalid_op", "op")
	})
	one := s.Session.Get(home + "/preview?" + url.Values{"fields": {"budgets"}, "user_ids": {s.Ada}}.Encode()).Is(200)
	webtest.Same(t, "the user of the preview is pushed to", one.KeptFields(home)["user_ids"], []string{s.Ada})
	home = strings.TrimSuffix(home, "/propagate")
	push("Nobody <nobody@example.com>").Refuses(422, "unknown_user", "emails[0]")
	push(" ;, ").Refuses(422, "unknown_user", "emails[0]") // not every holder
	s.Admin.API("POST", "/api/users", object{"name": "X", "email": "mailto:x@example.com"}).Refuses(400, "invalid_email", "email")
	s.Admin.API("POST", "/api/users", object{"name": "X", "email": "X<x@example.com>"}).Refuses(400, "invalid_email", "email")
}
