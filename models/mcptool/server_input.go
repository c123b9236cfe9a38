package mcptool

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// ServerInput is what a client may send of an MCP server.
type ServerInput struct {
	input.Row
	ClientID         input.Value             `json:"client_id"`
	Name             input.Value             `json:"name"`
	URL              input.Value             `json:"url"`
	CredentialHeader input.Value             `json:"credential_header"`
	CredentialValue  input.Value             `json:"credential_value"`
	RemoveCredential input.Value             `form:"remove_credential"`
	Version          input.Value             `form:"version"`
	Tools            input.List[input.Value] `json:"tools"`
	GoneTools        input.Value             `json:"gone_tools,readonly"`
	ToolDescriptions input.Value             `json:"tool_descriptions,readonly"`
	CredentialSetAt  input.Value             `json:"credential_set_at,readonly"`
	ToolsRefreshedAt input.Value             `json:"tools_refreshed_at,readonly"`
	CreatedAt        input.Value             `json:"created_at,readonly"`
	UpdatedAt        input.Value             `json:"updated_at,readonly"`
}

// apply leaves the client id of a new server empty when it is to be derived from the name.
func (in ServerInput) apply(s Server, keys secret.Keys) (Server, error) {
	c := &input.Reader{}
	old := s
	in.readName(c, &s)
	if err := in.readCredential(c, &s, old, keys); err != nil {
		return s, err
	}
	in.readTools(c, &s)
	return s, problem.InvalidInput(c.Problems)
}

// Read is s with the fields that were sent but its credential, checked by themselves. A server without an id is a new
// one.
func (in ServerInput) Read(c *input.Reader, s Server) Server {
	in.readName(c, &s)
	in.readTools(c, &s)
	return s
}

func (in ServerInput) readName(c *input.Reader, s *Server) {
	if s.ClientID == "" {
		s.ClientID, _ = c.Identifier("client_id", in.ClientID, "an id")
		c.Required("name", in.Name, "a name")
	} else {
		c.Fixed("client_id", in.ClientID, s.ClientID)
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok {
		s.Name = name
	}
	readServerURL(c, in.URL, &s.URL)
}

func (in ServerInput) readTools(c *input.Reader, s *Server) {
	if in.Tools.Kind != input.Absent || s.Tools == nil {
		s.Tools = readToolNames(c, "tools", in.Tools, false)
		s.GoneTools = Without(s.GoneTools, Without(s.GoneTools, s.Tools))
		s.ToolDescriptions = descriptionsOf(s.Tools, s.ToolDescriptions)
	}
}

// descriptionsOf keeps the descriptions of these tools.
func descriptionsOf(tools []string, all map[string]string) map[string]string {
	kept := map[string]string{}
	for _, tool := range tools {
		if text, described := all[tool]; described {
			kept[tool] = text
		}
	}
	return kept
}

const maxURL = 2048

// readServerURL reads an address that may be cleared. Its target is checked when it is called, not here.
func readServerURL(c *input.Reader, v input.Value, address **string) {
	if v.Kind == input.Null || v.Kind == input.String && strings.TrimSpace(v.Text) == "" {
		*address = nil
		return
	}
	text, ok := c.Text("url", v, input.TextRule{What: "an address", Max: maxURL})
	if !ok {
		return
	}
	if !IsServerURL(text) {
		c.Add(
			"url", "invalid_url", "Enter an address such as https://mcp.example.com/mcp, without a user name, password or #.",
		)
		return
	}
	*address = &text
}

// IsServerURL reports whether a text can be the address of an MCP server.
func IsServerURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsAny(text, " \\#") {
		return false
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "443"))
	return err == nil && port > 0 && port <= 65535
}

const maxSlug = 56 // leaves room for a number after it

// Slug derives an identifier from a name: "Jira Cloud" becomes jira-cloud, and a name without usable characters becomes
// server.
func Slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(input.Fold(name)) {
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
