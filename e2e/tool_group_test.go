package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// group makes a tool group and returns its path.
func (c *console) group(t *testing.T, name string) string {
	t.Helper()
	status, answer := c.api(t, "POST", "/api/mcp/tool-groups", fmt.Sprintf(
		`{"name": %q, "tools": [{"mcp_client_id": "github", "tool_names": ["create_issue", "get_issue", "push_files"]}]}`, name))
	var made struct {
		Group struct{ ID int64 } `json:"tool_group"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("make a tool group: %d %s", status, answer)
	}
	return fmt.Sprint("/mcp/tool-groups/", made.Group.ID)
}

// A group's tools are narrowed while one types, on its page and on that of a server.
func TestToolsAreFilteredWhileTyping(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	path := s.console.group(t, "Narrowed while typing")
	s.to(path)
	s.must(s.field("Search tools").PressSequentially("issue"))
	s.sees(s.text("2 of 3 tools"))
	s.gone(s.text("push_files"))
	s.must(s.field("Search tools").PressSequentially(" nowhere"))
	s.sees(s.text("No tool matches."))
	s.focused(s.field("Search tools"))
	s.arrives(path)
	s.to("/mcp/clients/github")
	s.must(s.field("Search tools").PressSequentially("push"))
	s.sees(s.text("1 of 24 tools"))
	s.gone(s.text("create_issue"))
}

// Without scripts the form of a group narrows its tools by a button or Enter, and keeps what was typed and ticked.
func TestToolsAreFilteredWithoutScripts(t *testing.T) {
	t.Parallel()
	s := open(t, visit{plain: true})
	path := s.console.group(t, "Narrowed without scripts")
	s.to(path + "/edit")
	s.fill("Name", "Renamed without scripts")
	filter := s.role("searchbox", "Filter tools")
	s.must(filter.Fill("delete_file"))
	s.must(filter.Press("Enter"))
	s.sees(s.GetByText("1 matching, 3 of"))
	s.holds("Name", "Renamed without scripts")
	s.tick("github delete_file")
	s.must(filter.Fill("jira"))
	s.click(s.button("Filter"))
	s.must(expect(s.field("github delete_file")).ToBeHidden())
	s.click(s.button("Save"))
	s.arrives(path)
	s.sees(s.heading("Renamed without scripts"))
	for _, tool := range []string{"create_issue", "get_issue", "push_files", "delete_file"} {
		s.sees(s.text(tool))
	}
}
