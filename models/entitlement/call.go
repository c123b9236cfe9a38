package entitlement

import (
	"slices"
	"strings"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/money"
	"tollgate/models/policy"
)

// Subject is who a call is for: the value of a virtual key, or a user.
type Subject struct{ VirtualKey, UserID string }

// Call is what a gateway asks before a call: of a model, of a tool, or of what else Kind says.
type Call struct {
	Kind                  Kind
	Provider, Model       string
	MCPClientID, ToolName string
	Cost                  money.Money // estimated
	Tokens                int64       // estimated
	Hold                  Hold        // how the estimate is held, if it is

	Unpriced bool // the model has no price
}

// Hold is what a caller may say of a hold. An ID that is asked for again while its hold lasts gets the same answer.
type Hold struct {
	ID    string // "" to be given one
	Lease time.Duration
}

// Asks is what it asks for.
func (call Call) Asks() Kind {
	if call.Kind == CallModel && (call.MCPClientID != "" || call.ToolName != "") {
		return CallTool
	}
	return call.Kind
}

// IsTool reports whether it asks for something of an MCP server.
func (call Call) IsTool() bool {
	switch call.Asks() {
	case CallTool, CallSomeTool, CallWholeServer:
		return true
	}
	return false
}

// Metered reports whether limits count for it. A handshake, a list or a look at the door uses nothing up.
func (call Call) Metered() bool {
	return call.Asks() != CallSomeTool && call.Asks() != CallEntry
}

// Kind is what a call asks for.
type Kind int

// What a call can ask for. A question that names a server or a tool asks for that tool.
const (
	CallModel       Kind = iota
	CallTool             // one tool of an MCP server
	CallSomeTool         // whether any tool of the server is granted, as for its handshake and lists
	CallWholeServer      // every tool of the server, later ones too, as for its resources and prompts
	CallEntry            // whether the key may enter at all
)

// MCPCall is what a JSON-RPC message to an MCP server asks for: its method decides. tool is the name that its params
// give. ok is false for a message that nothing grants: an unknown method, or one that carries the name of a tool where
// none belongs.
func MCPCall(server, method, tool string) (call Call, ok bool) {
	call = Call{MCPClientID: server}
	switch {
	case method == "tools/call":
		call.Kind, call.ToolName = CallTool, tool
		return call, tool != ""
	case strings.HasPrefix(method, "resources/"), strings.HasPrefix(method, "prompts/"):
		if strings.HasSuffix(method, "/list") {
			call.Kind = CallSomeTool
			return call, tool == ""
		}
		call.Kind = CallWholeServer
		return call, tool == "" || method == "prompts/get"
	case method == "ping", strings.HasPrefix(method, "notifications/"):
		return Call{Kind: CallEntry}, tool == ""
	case method == "initialize", method == "completion/complete", method == "logging/setLevel",
		strings.HasSuffix(method, "/list") && strings.Count(method, "/") == 1 && len(method) > len("/list"):
		call.Kind = CallSomeTool
		return call, tool == ""
	}
	return call, false
}

// GrantedBy reports whether what a copy grants on a server is what an MCP call asks for.
func (call Call) GrantedBy(grant policy.Grant) bool {
	if grant.Server != call.MCPClientID {
		return false
	}
	switch call.Asks() {
	case CallSomeTool:
		return grant.Whole || len(grant.Tools) > 0
	case CallWholeServer:
		return grant.Whole
	}
	return slices.Contains(grant.Tools, call.ToolName)
}

// Unpriced reports whether a question is of a model without a price.
func Unpriced(c *catalogue.Catalogue, call Call) bool {
	if call.Asks() != CallModel {
		return false
	}
	_, priced := c.Price(call.Provider, call.Model)
	return !priced
}
