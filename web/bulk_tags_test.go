package web_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A tag that cannot be added to one of many profiles is refused at the field that was typed, and the profile is named.
func TestBulkTagIsRefusedAtItsField(t *testing.T) {
	s := webtest.NewStage(t)
	tags := []string{}
	for i := range 50 {
		tags = append(tags, strconv.Itoa(i))
	}
	s.Admin.API("PUT", "/api/access-profiles/4", webtest.Object{"tags": tags}).Is(200)
	add := func(tag string) webtest.Answer {
		return s.Session.Post("/access-profiles/bulk", url.Values{"ids": {"1", "4"}, "op": {"tag"}, "tag": {tag}})
	}
	s.Unchanged(func() {
		refused := add("one more").Refuses(422, "too_many_items", "tag")
		if text := webtest.Text(refused.One("main")); !strings.Contains(text, "Remove a tag of Research first") {
			t.Errorf("it says %s", text)
		}
		add("a,b").Refuses(422, "invalid_characters", "tag")
		add("").Refuses(422, "required", "tag")
	})
	add("49").Redirects("/access-profiles") // which Research has
}
