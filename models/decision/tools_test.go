package decision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// Decisions about tools, and what the resolver lists, against what the contract says of a policy: groups ∪ servers ∪
// includes, minus excludes. A server's new tool is of a whole server and of "*", and of no list of names.
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
		var c catalogue.Catalogue
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
		var p policy.Policy
		for group := range int64(2) {
			if random.IntN(2) == 0 {
				p.MCPToolGroups = append(p.MCPToolGroups, policy.ToolGroupGrant{ToolGroupID: group})
			}
		}
		for _, server := range some(servers...) {
			p.MCPServers = append(p.MCPServers, policy.ServerGrant{MCPServerID: server})
		}
		for _, server := range servers {
			for _, tool := range some(tools...) { // also of a whole server, as a propagation can leave a copy
				p.MCPToolOverrides = append(p.MCPToolOverrides, policy.ToolOverride{MCPClientID: server, ToolName: tool, Action: []string{"include", "exclude"}[random.IntN(2)]})
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

func compareTools(t *testing.T, c catalogue.Catalogue, p policy.Policy, listed map[string][]string) {
	t.Helper()
	granted := map[string]bool{}
	for _, grant := range policy.Grants(c, p) {
		for _, tool := range grant.Tools {
			granted[grant.Server+" "+tool] = true
		}
	}
	h := &entitlement.Entitlements{Copies: []entitlement.Copy{{Terms: &entitlement.Terms{Name: "x", Policy: &p}, ID: 1, Active: true}}}
	grants := func(userCopy *entitlement.Copy) []policy.Grant { return policy.Grants(c, *userCopy.Policy) }
	for _, server := range c.Servers {
		for _, tool := range []string{"a", "b", "c", "new", "never"} {
			want := slices.Contains(p.MCPServers, policy.ServerGrant{MCPServerID: server.ClientID})
			for _, group := range p.MCPToolGroups {
				names := listed[fmt.Sprint(group.ToolGroupID, server.ClientID)]
				want = want || slices.Contains(names, "*") || slices.Contains(names, tool)
			}
			want = want || slices.Contains(p.MCPToolOverrides, policy.ToolOverride{MCPClientID: server.ClientID, ToolName: tool, Action: "include"})
			want = want && !slices.Contains(p.MCPToolOverrides, policy.ToolOverride{MCPClientID: server.ClientID, ToolName: tool, Action: "exclude"})
			want = want && slices.Contains(server.Tools, tool)
			d, _ := Decide(h, entitlement.Call{MCPClientID: server.ClientID, ToolName: tool}, grants, noon)
			if d.Decision != want || granted[server.ClientID+" "+tool] != want {
				t.Errorf("%s/%s: decided %v, listed %v, want %v", server.ClientID, tool, d.Decision, granted[server.ClientID+" "+tool], want)
			}
		}
	}
}
