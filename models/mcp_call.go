package models

import (
	"slices"
	"strings"
)

// CallKind is what a call asks for.
type CallKind int

// What a call can ask for. A question that names a server or a tool asks for that tool.
const (
	CallModel       CallKind = iota
	CallTool                 // one tool of an MCP server
	CallSomeTool             // whether any tool of the server is granted, as for its handshake and lists
	CallWholeServer          // every tool of the server, later ones too, as for its resources and prompts
	CallEntry                // whether the key may enter at all
)

// MCPCall is what a JSON-RPC message to an MCP server asks for: its method decides. tool is the name that its params give. ok is false for
// a message that nothing grants: an unknown method, or one that carries the name of a tool where none belongs.
func MCPCall(server, method, tool string) (q Question, ok bool) {
	q = Question{MCPClientID: server}
	switch {
	case method == "tools/call":
		q.Kind, q.ToolName = CallTool, tool
		return q, tool != ""
	case strings.HasPrefix(method, "resources/"), strings.HasPrefix(method, "prompts/"):
		if strings.HasSuffix(method, "/list") {
			q.Kind = CallSomeTool
			return q, tool == ""
		}
		q.Kind = CallWholeServer
		return q, tool == "" || method == "prompts/get"
	case method == "ping", strings.HasPrefix(method, "notifications/"):
		return Question{Kind: CallEntry}, tool == ""
	case method == "initialize", method == "completion/complete", method == "logging/setLevel",
		strings.HasSuffix(method, "/list") && strings.Count(method, "/") == 1 && len(method) > len("/list"):
		q.Kind = CallSomeTool
		return q, tool == ""
	}
	return q, false
}

// grantedBy reports whether what a copy grants on a server is what an MCP call asks for.
func (q Question) grantedBy(grant Grant) bool {
	if grant.Server != q.MCPClientID {
		return false
	}
	switch q.kind() {
	case CallSomeTool:
		return grant.Whole || len(grant.Tools) > 0
	case CallWholeServer:
		return grant.Whole
	}
	return slices.Contains(grant.Tools, q.ToolName)
}
