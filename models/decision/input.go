package decision

import (
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/problem"
)

// Input is what a gateway may send before a call.
type Input struct {
	input.Row
	VirtualKey      input.Value `json:"virtual_key"`
	UserID          input.Value `json:"user_id"`
	AccessToken     input.Value `json:"access_token"`
	Provider        input.Value `json:"provider"`
	Model           input.Value `json:"model"`
	MCPClientID     input.Value `json:"mcp_client_id"`
	ToolName        input.Value `json:"tool_name"`
	EstimatedCost   input.Value `json:"estimated_cost"`
	EstimatedTokens input.Value `json:"estimated_tokens"`
	Reserve         input.Value `json:"reserve"`
	ReservationID   input.Value `json:"reservation_id"`
	Lease           input.Value `json:"lease_s"`
}

// Read checks the input. A text that cannot name a model or tool is accepted here: the decision blocks it. Refusal:
// Invalid.
func (in Input) Read() (subject entitlement.Subject, call entitlement.Call, reserve bool, err error) {
	c := &input.Reader{}
	subject = in.readSubject(c)
	call.Provider, call.Model = readName(c, "provider", in.Provider), readName(c, "model", in.Model)
	call.MCPClientID = readName(c, "mcp_client_id", in.MCPClientID)
	call.ToolName = readName(c, "tool_name", in.ToolName)
	tool := in.MCPClientID.Kind != input.Absent || in.ToolName.Kind != input.Absent
	switch {
	case tool && in.Model.Kind != input.Absent:
		c.Add("model", "ambiguous_question", "Ask for a model or for a tool, not both.")
	case tool && in.Provider.Kind != input.Absent:
		c.Add("provider", "ambiguous_question", "Leave out the provider of a tool: its MCP server stands in mcp_client_id.")
	case tool && in.MCPClientID.Kind == input.Absent:
		c.Add("mcp_client_id", "required", "Say which MCP server the tool belongs to.")
	case tool && in.ToolName.Kind == input.Absent:
		c.Add("tool_name", "required", "Say which tool.")
	case !tool && in.Model.Kind == input.Absent:
		c.Add("model", "required", "Say which model, or which mcp_client_id and tool_name.")
	}
	if cost := ReadCost(c, "estimated_cost", in.EstimatedCost); cost != nil {
		call.Cost = *cost
	}
	call.Tokens = input.ValueOr(ReadTokens(c, "estimated_tokens", in.EstimatedTokens), 0)
	reserve, given := c.Bool("reserve", in.Reserve)
	if !reserve && (given || in.Reserve.Kind == input.Absent) && (in.ReservationID.Given() || in.Lease.Given()) {
		c.Add("reserve", "required", "Send reserve: true with a reservation_id or lease_s; without it nothing is held.")
	}
	call.Hold = readHold(c, in.ReservationID, in.Lease)
	if tool {
		call.Kind = entitlement.CallTool
	}
	return subject, call, reserve, problem.InvalidInput(c.Problems)
}

// readName reads a part of the name of a model or tool.
func readName(c *input.Reader, field string, v input.Value) string {
	switch v.Kind {
	case input.Absent:
	case input.Null:
		c.Add(field, "null_not_allowed", "Give "+field+" instead of null, or leave it out.")
	case input.String:
		return v.Text
	default:
		c.Add(field, "wrong_type", "Give "+field+" as text.")
	}
	return ""
}

// readSubject reads who the call is for: a key, a user or an access token.
func (in Input) readSubject(c *input.Reader) (subject entitlement.Subject) {
	if in.AccessToken.Kind == input.Absent {
		return ReadSubject(c, "", in.VirtualKey, in.UserID)
	}
	if in.VirtualKey.Given() || in.UserID.Given() {
		c.Add("access_token", "ambiguous_user", "Give one of the virtual key, the user_id and the access token.")
	}
	subject.AccessToken = readText(c, "access_token", "access_token", in.AccessToken)
	return subject
}

// ParseEstimate reads what a call may cost, in dollars, rounded half up to the nano-dollar. Errors are those of
// [ParseCost].
func ParseEstimate(literal string) (money.Money, error) {
	amount, err := money.ParseCost(literal)
	if err == nil && amount > MaxEventCost {
		err = money.ErrMoneyOutOfRange
	}
	return amount, err
}
