package web_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/web/webtest"
)

// suggested are the options of the list that the one field of a name offers.
func suggested(a webtest.Answer, name string) []string {
	options := []string{}
	id := webtest.Attribute(a.One("input", "name", name), "list")
	for _, list := range a.All("datalist", "id", id) {
		for option := range list.Descendants() {
			if option.Type == html.ElementNode && option.Data == "option" {
				options = append(options, webtest.Attribute(option, "value"))
			}
		}
	}
	return options
}

// Try it offers what the catalogue has of the providers and servers that the user's profiles name, and nothing else.
func TestTrySuggestsWhatExists(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddProvider("elsewhere", "other-model")
	s.AddServer("unused", "tool")
	try := func() webtest.Answer { return s.Session.Get("/users/" + s.Ada + "/try").Is(200) }
	none := try()
	webtest.Same(t, "models without a profile", suggested(none, "model"), []string{})
	webtest.Same(t, "tools without a profile", suggested(none, "tool"), []string{})
	if text := webtest.Text(none.One("main")); strings.Contains(text, "such as") {
		t.Errorf("an example that does not exist: %s", text)
	}
	s.AddServer("desk", "close", "open")
	profile := s.ProfileNaming("Some", `"provider_configs":[{"provider_name":"openai","allowed_models":["gpt-4o"]}],
"mcp_tool_overrides":[{"mcp_client_id":"desk","tool_name":"open","action":"include"}]`)
	s.Assign(s.Ada, profile)
	some := try()
	webtest.Same(t, "models", suggested(some, "model"), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	webtest.Same(t, "tools", suggested(some, "tool"), []string{"desk/close", "desk/open"})
	if text := webtest.Text(some.One("main")); !strings.Contains(text, "such as openai/gpt-4o.") || !strings.Contains(text, "such as desk/close.") {
		t.Errorf("the examples: %s", text)
	}
	asked := s.Session.Get("/users/" + s.Ada + "/try?tool=desk%2Fopen").Is(200)
	if text := webtest.Text(asked.One("section", "aria-labelledby", "tried")); !strings.Contains(text, "Allowed desk/open") {
		t.Errorf("the tool: %s", text)
	}
	half := s.Session.Get("/users/" + s.Ada + "/try?tool=open").Is(200)
	if len(half.All("section", "aria-labelledby", "tried")) > 0 || webtest.Attribute(half.One("input", "name", "tool"), "aria-invalid") != "true" {
		t.Error("a tool without its server is not refused")
	}
}

// The tools that the editor offers are those of the server of their row, also where names of servers differ in a sign
// only.
func TestEditorSuggestsToolsOfTheServer(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddServer("a.b", "dotted")
	s.AddServer("a-b", "dashed")
	for server, want := range map[string][]string{"a.b": {"dotted"}, "a-b": {"dashed"}, "": {}} {
		form := s.Session.Get("/access-profiles/new").Is(200).Fields("profile-form")
		form.Set("op", "add-override")
		form = s.Session.Post("/access-profiles", form).Fields("profile-form")
		name := ""
		for field := range form {
			if strings.HasSuffix(field, ".mcp_client_id") {
				form.Set(field, server)
				name = strings.TrimSuffix(field, "mcp_client_id") + "tool_name"
			}
		}
		form.Set("op", "refresh")
		webtest.Same(t, "tools of "+server, suggested(s.Session.Post("/access-profiles", form), name), want)
	}
}

// The filter of refusals offers what was refused.
func TestRefusalsSuggestWhatWasRefused(t *testing.T) {
	g := webtest.NewGateway(t)
	webtest.Same(t, "of none", suggested(g.Session.Get("/refusals").Is(200), "model"), []string{})
	for _, model := range []string{"gpt-9", "gpt-8", "gpt-9"} {
		g.Admin.Decides(webtest.With(webtest.Model(g.Key), "model", model), "model_blocked", 403)
	}
	g.RefusedRows("")
	webtest.Same(t, "of two", suggested(g.Session.Get("/refusals").Is(200), "model"), []string{"openai/gpt-8", "openai/gpt-9"})
}
