package models

// DecisionInput is what a gateway may ask before a call.
type DecisionInput struct {
	Row
	VirtualKey      Value `json:"virtual_key"`
	UserID          Value `json:"user_id"`
	Provider        Value `json:"provider"`
	Model           Value `json:"model"`
	MCPClientID     Value `json:"mcp_client_id"`
	ToolName        Value `json:"tool_name"`
	EstimatedCost   Value `json:"estimated_cost"`
	EstimatedTokens Value `json:"estimated_tokens"`
	Reserve         Value `json:"reserve"`
	ReservationID   Value `json:"reservation_id"`
	Lease           Value `json:"lease_s"`
}

// Read checks the input. What can be no name of a model or tool is not refused here: the decision refuses it. Refusal: Invalid.
func (in DecisionInput) Read() (who Asker, q Question, reserve bool, err error) {
	c := &checker{}
	who = c.asker("", in.VirtualKey, in.UserID)
	for _, field := range []struct {
		name  string
		value Value
		to    *string
	}{{"provider", in.Provider, &q.Provider}, {"model", in.Model, &q.Model}, {"mcp_client_id", in.MCPClientID, &q.MCPClientID}, {"tool_name", in.ToolName, &q.ToolName}} {
		switch field.value.Kind {
		case Absent:
		case Null:
			c.add(field.name, "null_not_allowed", "Give "+field.name+" instead of null, or leave it out.")
		case String:
			*field.to = field.value.Text
		default:
			c.add(field.name, "wrong_type", "Give "+field.name+" as text.")
		}
	}
	tool := in.MCPClientID.Kind != Absent || in.ToolName.Kind != Absent
	switch {
	case tool && in.Model.Kind != Absent:
		c.add("model", "ambiguous_question", "Ask for a model or for a tool, not both.")
	case tool && in.Provider.Kind != Absent:
		c.add("provider", "ambiguous_question", "Leave out the provider of a tool: its MCP server stands in mcp_client_id.")
	case tool && in.MCPClientID.Kind == Absent:
		c.add("mcp_client_id", "required", "Say of which MCP server the tool is.")
	case tool && in.ToolName.Kind == Absent:
		c.add("tool_name", "required", "Say which tool.")
	case !tool && in.Model.Kind == Absent:
		c.add("model", "required", "Say which model, or which mcp_client_id and tool_name.")
	}
	if cost := c.cost("estimated_cost", in.EstimatedCost); cost != nil {
		q.Cost = *cost
	}
	q.Tokens = valueOr(c.optionalCount("estimated_tokens", in.EstimatedTokens), 0)
	reserve, told := c.truth("reserve", in.Reserve)
	if !reserve && (told || in.Reserve.Kind == Absent) && (in.ReservationID.Given() || in.Lease.Given()) {
		c.add("reserve", "required", "Send reserve: true with a reservation_id or lease_s; without it nothing is held.")
	}
	q.Hold = c.hold(in.ReservationID, in.Lease)
	if tool {
		q.Kind = CallTool
	}
	return who, q, reserve, invalid(c.found)
}

// ParseEstimate reads what a call may cost, in dollars, rounded half up to the nano-dollar. Errors are those of [ParseCost].
func ParseEstimate(literal string) (Money, error) {
	amount, err := ParseCost(literal)
	if err == nil && amount > maxEventCost {
		err = ErrMoneyOutOfRange
	}
	return amount, err
}
