package usage

import "time"

// eventColumns are the events of a batch, column by column, as parameters of one statement.
type eventColumns struct {
	users, ids, servers, tools         []string
	providers, models, named           []string
	occurred                           []time.Time
	costs, tokens, inputs, outputs     []*int64
	cacheReads, cacheWrites, reasoning []*int64
	requests                           []int64
	computed, estimated                []bool
	names                              []*string
}

// add appends an event; what is not known is null.
func (c *eventColumns) add(e *Event) {
	c.users, c.ids = append(c.users, e.UserID), append(c.ids, e.GatewayID.Key)
	c.providers, c.models = append(c.providers, e.Provider), append(c.models, e.Model)
	c.named = append(c.named, e.named)
	c.servers, c.tools = append(c.servers, e.mcpClientID), append(c.tools, e.toolName)
	c.occurred = append(c.occurred, e.OccurredAt)
	c.costs, c.tokens = append(c.costs, e.nanos()), append(c.tokens, &e.Tokens)
	c.inputs, c.outputs = append(c.inputs, e.input), append(c.outputs, e.output)
	c.cacheReads = append(c.cacheReads, e.cacheRead)
	c.cacheWrites, c.reasoning = append(c.cacheWrites, e.cacheWrite), append(c.reasoning, e.reasoning)
	c.estimated = append(c.estimated, e.estimated)
	c.requests, c.computed = append(c.requests, e.Requests), append(c.computed, e.costComputed)
	c.names = append(c.names, e.GatewayID.Name)
}

// nanos is what an event cost in nano-dollars; nil when that is unknown.
func (e *Event) nanos() *int64 {
	if e.Cost == nil {
		return nil
	}
	nanos := int64(*e.Cost)
	return &nanos
}
