package web_test

import (
	"fmt"
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
