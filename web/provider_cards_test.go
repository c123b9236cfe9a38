package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/web/webtest"
)

// The editor of a profile with many providers shows each in one line; what needs attention is open.
func TestProviderCardsCloseToOneLine(t *testing.T) {
	c := webtest.NewCast(t)
	c.AddProvider("one", "a", "b", "c", "d")
	c.AddProvider("two", "x")
	id := c.ProfileNaming("Carded", `"provider_configs":[{"provider_name":"one","allowed_models":["c","b"],"budgets":[
{"max_limit":50,"reset_duration":"1d"},{"max_limit":500,"reset_duration":"1M"}]},
{"provider_name":"two","all_models_allowed":true,"rate_limit":{"request_max_limit":60,"request_reset_duration":"1h"}}]`)
	webtest.Same(t, "id", id, int64(4))
	edit := c.Session.Get("/access-profiles/4/edit").Is(http.StatusOK)
	webtest.Same(t, "two cards", cards(edit), "[one 2 of 4 one models · $50.00 / day · $500.00 / month] [two every model · 60 req / hour]")
	webtest.Same(t, "picked first", models(edit, "one"), "b! c! a d")

	// A third is open because it is new; where it comes without scripts, the others close.
	form := edit.Fields("profile-form")
	form.Set("op", "add-provider")
	form.Set("new_provider", "openai")
	three := c.Session.Post("/access-profiles/4", form).Is(http.StatusOK)
	webtest.Same(t, "three cards", cards(three), "one 2 of 4 one models · $50.00 / day · $500.00 / month, two every model · 60 req / hour, "+
		"[openai no model: every call is refused]")

	// The order stays while others are picked, and a button of a card opens it.
	form = three.Fields("profile-form")
	key := strings.TrimSuffix(strings.TrimPrefix(webtest.Attribute(three.One("input", "type", "checkbox", "value", "a"), "name"),
		"provider_configs["), "].allowed_models")
	form["provider_configs["+key+"].allowed_models"] = []string{"a", "c", "house"}
	form.Set("op", "refresh "+key)
	picked := c.Session.Post("/access-profiles/4", form).Is(http.StatusOK)
	webtest.Same(t, "order", models(picked, "one"), "b c! a! d")
	webtest.Same(t, "opened", strings.HasPrefix(cards(picked), "[one 3 of 4 one models"), true)

	// So does a problem.
	form = picked.Fields("profile-form")
	for name, values := range form {
		if values[0] == "60" {
			form.Set(name, "many")
		}
	}
	form.Set("op", "save")
	refused := c.Session.Post("/access-profiles/4", form).Is(http.StatusUnprocessableEntity)
	webtest.Same(t, "with a problem", cards(refused), "one 3 of 4 one models · $50.00 / day · $500.00 / month, [two every model], "+
		"openai no model: every call is refused")
}

// The form of a tool group lists first what the group has.
func TestToolsOfAGroupComeFirst(t *testing.T) {
	c := webtest.NewCast(t)
	c.AddServer("desk", "close", "merge", "open")
	id := c.AddGroup("Desk", `[{"mcp_client_id":"desk","tool_names":["open"]}]`)
	page := c.Session.Get(fmt.Sprintf("/mcp/tool-groups/%d/edit", id)).Is(http.StatusOK)
	webtest.Same(t, "tools", ticks(page.One("div", "aria-label", "Tools of desk")), "* open! close merge")
}

// cards are the providers of an editor in one line each, in brackets when open.
func cards(page webtest.Answer) string {
	var said []string
	for _, details := range page.All("details") {
		if !webtest.Has(details.Parent, []string{"class", "card"}) && !webtest.Has(details.Parent, []string{"class", "card card-wrong"}) {
			continue
		}
		line := webtest.Text(first(details, "summary"))
		if webtest.Present(details, "open") {
			line = "[" + line + "]"
		}
		said = append(said, line)
	}
	return strings.ReplaceAll(strings.Join(said, ", "), "], [", "] [")
}

// models are those that a provider's picker offers.
func models(page webtest.Answer, provider string) string {
	return ticks(page.One("ul", "aria-label", "Models of "+provider))
}

// ticks are the values of tick boxes, with a mark at those that are ticked.
func ticks(below *html.Node) string {
	var names []string
	for node := range below.Descendants() {
		if node.Data == "input" && webtest.Attribute(node, "type") == "checkbox" {
			name := webtest.Attribute(node, "value")
			if webtest.Present(node, "checked") {
				name += "!"
			}
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func first(below *html.Node, tag string) *html.Node {
	for node := range below.Descendants() {
		if node.Data == tag {
			return node
		}
	}
	return below
}
