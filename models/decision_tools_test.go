package models

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Decisions about tools, and what the resolver lists, against what the contract says of a policy: groups ∪ servers ∪ includes, minus
// excludes. A server's new tool is of a whole server and of "*", and of no list of names.
func TestToolsAgainstTheRule(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	some := func(from ...string) (chosen []string) {
		for _, one := range from {
			if random.IntN(2) == 0 {
				chosen = append(chosen, one)
			}
		}
		return chosen
	}
	servers, tools := []string{"github", "jira"}, []string{"a", "b", "c"}
	for range 2000 {
		var c Catalogue
		listed := map[string][]string{} // "group server" → tools
		for _, server := range servers {
			c.Servers = append(c.Servers, struct {
				ClientID string
				Tools    []string `bun:",array"`
			}{server, some(tools...)})
			for group := range int64(2) {
				names := some(append(tools, "*")...)
				listed[fmt.Sprint(group, server)] = names
				c.GroupTools = append(c.GroupTools, struct {
					ToolGroupID int64
					MCPClientID string   `bun:"mcp_client_id"`
					ToolNames   []string `bun:",array"`
				}{group, server, names})
			}
		}
		var p Policy
		for group := range int64(2) {
			if random.IntN(2) == 0 {
				p.MCPToolGroups = append(p.MCPToolGroups, ToolGroupGrant{group})
			}
		}
		for _, server := range some(servers...) {
			p.MCPServers = append(p.MCPServers, ServerGrant{server})
		}
		for _, server := range servers {
			for _, tool := range some(tools...) { // also of a whole server, as a propagation can leave a copy
				p.MCPToolOverrides = append(p.MCPToolOverrides, ToolOverride{server, tool, []string{"include", "exclude"}[random.IntN(2)]})
			}
		}
		compareTools(t, c, p, listed)
		// What a server offers later.
		for i := range c.Servers {
			c.Servers[i].Tools = append(slices.Clone(c.Servers[i].Tools), "new")
		}
		compareTools(t, c, p, listed)
		if t.Failed() {
			t.Fatalf("catalogue %+v, policy %+v", c, p)
		}
	}
}

func compareTools(t *testing.T, c Catalogue, p Policy, listed map[string][]string) {
	t.Helper()
	granted := map[string]bool{}
	for _, grant := range c.Grants(p) {
		for _, tool := range grant.Tools {
			granted[grant.Server+" "+tool] = true
		}
	}
	h := &holding{copies: []heldCopy{{form: &form{name: "x", policy: &p}, id: 1, active: true}}}
	grants := func(held *heldCopy) []Grant { return c.Grants(*held.policy) }
	for _, server := range c.Servers {
		for _, tool := range []string{"a", "b", "c", "new", "never"} {
			want := slices.Contains(p.MCPServers, ServerGrant{server.ClientID})
			for _, group := range p.MCPToolGroups {
				names := listed[fmt.Sprint(group.ToolGroupID, server.ClientID)]
				want = want || slices.Contains(names, "*") || slices.Contains(names, tool)
			}
			want = want || slices.Contains(p.MCPToolOverrides, ToolOverride{server.ClientID, tool, "include"})
			want = want && !slices.Contains(p.MCPToolOverrides, ToolOverride{server.ClientID, tool, "exclude"})
			want = want && slices.Contains(server.Tools, tool)
			d, _ := h.decide(Question{MCPClientID: server.ClientID, ToolName: tool}, grants, noon)
			if d.Decision != want || granted[server.ClientID+" "+tool] != want {
				t.Errorf("%s/%s: decided %v, listed %v, want %v", server.ClientID, tool, d.Decision, granted[server.ClientID+" "+tool], want)
			}
		}
	}
}
