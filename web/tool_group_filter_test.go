package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The page of a tool group narrows its tools by their name or their server's, and says how many of them it shows.
func TestToolGroupIsFiltered(t *testing.T) {
	c := webtest.NewCast(t)
	group := c.Admin.API("POST", "/api/mcp/tool-groups", webtest.Object{"name": "Mixed", "tools": []webtest.Object{
		{"mcp_client_id": "github", "tool_names": []string{"create_issue", "delete_repo"}}, {"mcp_client_id": "jira", "tool_names": []string{"*"}},
	}}).Is(201).Object("tool_group")
	path := fmt.Sprint("/mcp/tool-groups/", webtest.Int64ID(group))
	for search, want := range map[string]struct{ tools, count string }{
		"": {"[create_issue delete_repo t]", "3 tools"}, "ISSUE": {"[create_issue]", "1 of 3 tools"},
		"github": {"[create_issue delete_repo]", "2 of 3 tools"}, "jira+t": {"[t]", "1 of 3 tools"},
	} {
		page := c.Session.Get(path + "?search=" + search).Is(200)
		var shown []string
		for _, list := range page.All("ul", "class", "granted") {
			for tool := range list.ChildNodes() {
				shown = append(shown, webtest.Text(tool))
			}
		}
		said := webtest.Text(page.One("section", "aria-labelledby", "tools"))
		if got := fmt.Sprint(shown); got != want.tools || !strings.Contains(said, want.count) {
			t.Errorf("%q: %s: %s", search, got, said)
		}
	}
	c.Session.Get(path+"?search=nowhere").Is(200).One("div", "class", "empty")
}

// The form of a tool group narrows its tools without scripts: nothing is saved, and what was typed and ticked stays,
// also of the tools that are left out.
func TestToolGroupFormIsFiltered(t *testing.T) {
	c := webtest.NewCast(t)
	group := c.Admin.API("POST", "/api/mcp/tool-groups", webtest.Object{"name": "Mixed", "tools": []webtest.Object{
		{"mcp_client_id": "github", "tool_names": []string{"create_issue"}},
	}}).Is(201).Object("tool_group")
	for _, path := range []string{"/mcp/tool-groups", fmt.Sprint("/mcp/tool-groups/", webtest.Int64ID(group))} {
		typed := url.Values{
			"name": {" Tÿped <b> "}, "description": {strings.Repeat("🔑", 10_000)}, "op": {"filter"}, "filter": {"ISSUE "}, "filtered": {""},
			"tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"delete_repo", "*"},
		}
		for _, op := range []string{"filter", "enter"} {
			typed.Set("op", op)
			page := c.Session.Post(path, typed).Is(200)
			webtest.Same(t, "name", webtest.Attribute(page.One("input", "name", "name"), "value"), " Tÿped <b> ")
			webtest.Same(t, "description", webtest.Text(page.One("textarea", "name", "description")), typed.Get("description"))
			webtest.Same(t, "filter", webtest.Attribute(page.One("input", "name", "filter"), "value"), "ISSUE ")
			var shown, ticked []string
			for _, box := range page.All("input", "type", "checkbox") {
				item := box.Parent.Parent
				if item.Data != "li" {
					continue // a whole server
				}
				if !webtest.Present(item, "hidden") {
					shown = append(shown, webtest.Attribute(box, "value"))
				}
				if webtest.Present(box, "checked") {
					ticked = append(ticked, webtest.Attribute(box, "value"))
				}
			}
			webtest.Same(t, path+" shows", fmt.Sprint(shown), "[create_issue]")
			webtest.Same(t, path+" keeps", fmt.Sprint(ticked), "[delete_repo]")
			if !webtest.Present(page.One("input", "value", "*", "name", "tools[s0].tool_names"), "checked") {
				t.Error("the whole server is not ticked any more")
			}
		}
		if words := webtest.Text(c.Session.Post(path, url.Values{"name": {"x"}, "op": {"filter"}, "filter": {"nowhere"}}).Is(200).One("p", "class", "picker-none")); words != "Nothing matches." {
			t.Errorf("no hit: %q", words)
		}
	}
	same := c.Admin.Get(fmt.Sprint("/api/mcp/tool-groups/", webtest.Int64ID(group))).Is(200).Object("tool_group")
	webtest.Same(t, "stored", fmt.Sprint(same["name"], same["tools"]), fmt.Sprint(group["name"], group["tools"]))

	// Enter saves when the filter is as the page had it, and the button always does.
	saved := url.Values{"name": {"Saved"}, "filter": {"issue"}, "filtered": {"issue"}, "op": {"enter"}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"delete_repo"}}
	c.Session.Save(fmt.Sprint("/mcp/tool-groups/", webtest.Int64ID(group)), saved).Is(303)
	saved.Set("filter", "typed and not used")
	saved.Del("op")
	c.Session.Save(fmt.Sprint("/mcp/tool-groups/", webtest.Int64ID(group)), saved).Is(303)
	c.Admin.API("POST", "/api/mcp/tool-groups", `{"name":"y","filter":"x"}`).Refuses(400, "unknown_field", "filter")
}
