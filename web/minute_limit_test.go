package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// Tokens and requests may be limited per minute: counted, refused until the minute is over, shown, and kept out of budgets.
func TestLimitPerMinute(t *testing.T) {
	g := webtest.NewGateway(t)
	id := g.ProfileNaming("Per minute", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,
		"rate_limit":{"token_max_limit":1000,"token_reset_duration":"1m"}}],"calendar_aligned":true,
		"rate_limit":{"request_max_limit":2,"request_reset_duration":"1m"}`)
	_, key := g.Give(g.Bob, id)
	asked := webtest.Object{"virtual_key": key, "model": "openai/gpt-4o"}
	webtest.Same(t, "at first", g.Admin.API("POST", "/api/decisions", asked).Is(200).JSON()["type"], any("allowed"))
	g.Admin.Counted(webtest.Event(key, "requests", 2))
	refused := g.Admin.API("POST", "/api/decisions", asked).Is(200).JSON()
	wait, _ := refused["retry_after_s"].(float64)
	if refused["type"] != "request_limited" || wait < 1 || wait > 61 || !strings.Contains(fmt.Sprint(refused["message"]), "2 requests per minute") {
		t.Errorf("after two: %v", refused)
	}
	g.Anchored(g.Bob, g.Clock().Add(-90*time.Second)) // half a minute into another one
	g.Eventually("in the next minute", func() bool {
		return g.Admin.API("POST", "/api/decisions", asked).Is(200).JSON()["type"] == "allowed"
	})
	page := webtest.Text(g.Session.Get(fmt.Sprintf("/access-profiles/%d", id)).Is(200).One("main"))
	for _, want := range []string{"2 requests a minute", "1,000 tokens a minute"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	g.Admin.API("PUT", fmt.Sprintf("/api/access-profiles/%d", id), `{"budgets":[{"max_limit":1,"reset_duration":"1m"}]}`).
		Refuses(400, "invalid_reset_duration", "budgets[0].reset_duration")
}
