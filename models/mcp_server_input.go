package models

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MCPServerInput is what a client may send of an MCP server.
type MCPServerInput struct {
	Row
	ClientID         Value       `json:"client_id"`
	Name             Value       `json:"name"`
	URL              Value       `json:"url"`
	Tools            List[Value] `json:"tools"`
	GoneTools        Value       `json:"gone_tools,readonly"`
	ToolsRefreshedAt Value       `json:"tools_refreshed_at,readonly"`
	CreatedAt        Value       `json:"created_at,readonly"`
	UpdatedAt        Value       `json:"updated_at,readonly"`
}

// apply leaves the client id of a new server empty when it is to be derived from the name.
func (in MCPServerInput) apply(s MCPServer) (MCPServer, error) {
	c := &checker{}
	created := s.ClientID == ""
	if created {
		s.ClientID, _ = c.identifier("client_id", in.ClientID, "an id")
		c.required("name", in.Name, "a name")
	} else {
		c.fixed("client_id", in.ClientID, s.ClientID)
	}
	if name, ok := c.text("name", in.Name, textRule{what: "a name", max: 255}); ok {
		s.Name = name
	}
	c.serverURL(in.URL, &s.URL)
	if in.Tools.Kind != Absent || s.Tools == nil {
		s.Tools = c.toolNames("tools", in.Tools, false)
		s.GoneTools = without(s.GoneTools, without(s.GoneTools, s.Tools))
	}
	return s, invalid(c.found)
}

const maxURL = 2048

// serverURL reads an address that may be cleared. Where it leads is checked when it is called, not here.
func (c *checker) serverURL(v Value, address **string) {
	if v.Kind == Null || v.Kind == String && strings.TrimSpace(v.Text) == "" {
		*address = nil
		return
	}
	text, ok := c.text("url", v, textRule{what: "an address", max: maxURL})
	if !ok {
		return
	}
	if !isServerURL(text) {
		c.add("url", "invalid_url", "Enter an address such as https://mcp.example.com/mcp, without a user name, password or #.")
		return
	}
	*address = &text
}

func isServerURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, " \\#") {
		return false
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "443"))
	return err == nil && port > 0 && port <= 65535
}

const maxSlug = 56 // leaves room for a number behind it

// slug makes an identifier of a name: "Jira Cloud" becomes jira-cloud, and a name of which nothing remains becomes server.
func slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(Fold(name)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case !unicode.IsMark(r):
			gap = true
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	if b.Len() == 0 {
		return "server"
	}
	return b.String()
}
