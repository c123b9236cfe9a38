package entitlement

import (
	"slices"
	"strings"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/money"
	"tollgate/models/policy"
)

// Subject is who a call is for: the value of a virtual key, a user, or the user whom an access token of an identity
// provider names.
type Subject struct{ VirtualKey, UserID, AccessToken string }

// Call is what a gateway wants to do: call a model, a tool, or what else Kind says.
type Call struct {
	Kind                  Kind
	Provider, Model       string
	MCPClientID, ToolName string
	Cost                  money.Money // estimated
	Tokens                int64       // estimated
	Hold                  Hold        // how the estimate is held, if at all

	Unpriced bool // the model has no price
}

// Hold is what a client may say about a hold. An ID that is sent again while its hold lasts gets the same answer.
type Hold struct {
	ID    string // "" for a new one
	Lease time.Duration
}

// Asks is the kind of the call; one that names a server or a tool is of that tool.
func (call Call) Asks() Kind {
	if call.Kind == CallModel && (call.MCPClientID != "" || call.ToolName != "") {
		return CallTool
	}
	return call.Kind
}

// Scopes are the n scopes whose limits count for the call, from the widest to the narrowest.
func (call Call) Scopes() (scopes [3]policy.Scope, n int) {
	if call.Asks() != CallModel {
		return scopes, 1
	}
	provider, model := catalogue.SplitModel(call.Provider, call.Model)
	if provider == "" {
		return scopes, 1
	}
	scopes[1], scopes[2] = policy.Scope{Provider: provider}, policy.Scope{Provider: provider, Model: model}
	if model == "" {
		return scopes, 2
	}
	return scopes, len(scopes)
}

// IsTool reports whether the call is to an MCP server.
func (call Call) IsTool() bool {
	switch call.Asks() {
	case CallTool, CallSomeTool, CallWholeServer:
		return true
	}
	return false
}

// Metered reports whether the call counts against limits. A handshake, a list or a check of the key uses nothing.
func (call Call) Metered() bool {
	return call.Asks() != CallSomeTool && call.Asks() != CallEntry
}

// Kind is what a call is for.
type Kind int

// What a call can be for. A call that names a server or a tool is for that tool.
const (
	CallModel       Kind = iota
	CallTool             // one tool of an MCP server
	CallSomeTool         // whether any tool of the server is granted, as for its handshake and lists
	CallWholeServer      // every tool of the server, including future ones, as for its resources and prompts
	CallEntry            // whether the key is accepted at all
)

// MCPCall is the call of a JSON-RPC message to an MCP server: its method decides. tool is the name in its params. ok is
// false for a message that nothing grants: an unknown method, or one with the name of a tool where none belongs.
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

// Name is what a call asks for: "provider/model", or "server/tool". It is "" for a check of the key.
func (call Call) Name() string {
	first, second := call.Provider, call.Model
	if call.Asks() != CallModel {
		first, second = call.MCPClientID, call.ToolName
	}
	switch {
	case first == "":
		return second
	case second == "":
		return first
	}
	return first + "/" + second
}

// GrantedBy reports whether a copy's grant on a server covers an MCP call.
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

// Unpriced reports whether a call is of a model without a price.
func Unpriced(c *catalogue.Catalogue, call Call) bool {
	if call.Asks() != CallModel {
		return false
	}
	_, priced := c.Price(call.Provider, call.Model)
	return !priced
}
