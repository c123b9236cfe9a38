package gateway

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/problem"
)

// asked has every call that a request can lead to, at least one, and what to do when all of them are allowed.
type asked struct {
	questions []entitlement.Call
	reserve   bool // reserve the estimate of the first
	lists     bool // the call lists the tools of a server
}

// mostModels is how many models one call may lead to.
const mostModels = 50

// call reads what a call asks for. What the proxy wrote into the address of the check counts before anything that its
// client could send. Otherwise everything that the gateway behind may go by has to be allowed: the path, the forwarded
// body, and the headers that the address vouches for.
func (d door) call(c *gin.Context) (asked, error) {
	d.body = sync.OnceValues(func() (forwarded, error) { return d.forwardedBody(c) })
	o, doubtful, err := d.options()
	if err != nil {
		return asked{}, err
	}
	a, err := d.read(c, o)
	if err != nil || !doubtful {
		return a, err
	}
	// Both readings of a query that may be the client's have to be allowed.
	b, err := d.read(c, options{})
	a.questions = distinct(append(a.questions, b.questions...))
	return a, err
}

// read reads the call with the options that count.
func (d door) read(c *gin.Context, o options) (a asked, err error) {
	if o.method != "" {
		d.method = o.method
	}
	if o.trust {
		if err := d.trusted(c.Request.Header, &o); err != nil {
			return a, err
		}
	}
	if o.server != "" || o.tool != "" {
		a, err = d.toolCall(c, o)
	} else {
		a, err = d.modelCall(c, o)
	}
	if err == nil && o.reserve != nil {
		a.reserve, a.questions[0].Cost, a.questions[0].Tokens = true, *o.reserve, o.tokens
	}
	return a, err
}

// trustedHeaders are those that a proxy overwrites when its address vouches for them.
var trustedHeaders = []string{
	"X-Original-Method", "X-Forwarded-Method", "X-Provider", "X-Ai-Eg-Model", "X-Model", "X-Mcp-Client-Id", "X-Tool-Name",
}

// trusted takes what the proxy wrote into headers, where its address did not say it. Of a header that is there twice,
// the proxy wrote only one.
func (d *door) trusted(header http.Header, o *options) error {
	for _, name := range trustedHeaders {
		if len(header[name]) > 1 {
			return problem.Refuse(problem.Forbidden, "", "ambiguous_question", "The header "+name+" is there twice.")
		}
	}
	if d.method == "" {
		d.method = firstOf(header.Get("X-Original-Method"), header.Get("X-Forwarded-Method"))
	}
	if o.model != "" || o.server != "" && o.tool != "" {
		return nil
	}
	o.provider = firstOf(o.provider, header.Get("X-Provider"))
	o.headerModel = firstOf(header.Get("X-Ai-Eg-Model"), header.Get("X-Model"))
	o.server, o.tool = firstOf(o.server, header.Get("X-Mcp-Client-Id")), firstOf(o.tool, header.Get("X-Tool-Name"))
	return nil
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// modelCall is the call of a model, or one that names none.
func (d door) modelCall(c *gin.Context, o options) (asked, error) {
	if o.model != "" {
		return asked{questions: o.ofModels(o.model)}, nil
	}
	path, err := d.pathModels(o)
	if err != nil {
		return asked{}, err
	}
	named := o.ofModels(path.named...)
	if o.headerModel != "" {
		named = append(o.ofModels(o.headerModel), named...)
	}
	fixed := len(named) > 0
	body, err := d.body()
	if fixed {
		body, err = d.besideName(c.Request.Header)
	}
	switch {
	case err != nil:
		return asked{}, d.advise(err)
	case len(body.messages) > 0:
		return asked{}, problem.Refuse(problem.Forbidden, "", decision.MCPToolBlocked,
			"This is an MCP call, but the address of the check names no mcp_client_id.")
	}
	for _, q := range body.models {
		q.Provider, q.Model = firstOf(q.Provider, o.provider), path.bare(q.Model)
		named = append(named, q)
	}
	if d.namesTooLittle(c.Request.Header, path, fixed, len(named) > 0) {
		named, err = d.enter(c)
	}
	named = append(named, o.ofModels(path.inQuery...)...)
	if len(named) > mostModels {
		err = intake.Unreadable("", "too_many_items", "A call may name at most 50 models.")
	}
	return asked{questions: distinct(named)}, err
}

// ofModels asks for models of the provider that the proxy names.
func (o options) ofModels(names ...string) []entitlement.Call {
	questions := make([]entitlement.Call, len(names))
	for i, name := range names {
		questions[i] = entitlement.Call{Provider: o.provider, Model: name}
	}
	return questions
}

// toolCall is a call of an MCP server, whose method decides.
func (d door) toolCall(c *gin.Context, o options) (asked, error) {
	tool := entitlement.Call{Kind: entitlement.CallTool, MCPClientID: o.server, ToolName: o.tool}
	if o.headerModel != "" {
		return asked{}, problem.Refuse(
			problem.Forbidden, "", "ambiguous_question", "Ask for a model or for a tool, not both.",
		)
	}
	body, err := d.body()
	if o.tool != "" && o.trust {
		body, err = d.besideName(c.Request.Header)
	}
	switch {
	case o.tool == "" && d.opensWebSocket(c.Request.Header):
		return asked{}, problem.Refuse(problem.Forbidden, "", decision.MCPToolBlocked,
			"A WebSocket does not say which tools it will call: send each MCP message as a call of its own.")
	case o.tool != "" && (err == nil && body.empty || !o.trust && isUnread(err)):
		return asked{questions: []entitlement.Call{tool}}, nil
	case err != nil:
		return asked{}, d.advise(err)
	case o.tool != "" && !o.trust:
		return asked{questions: []entitlement.Call{tool}}, nil
	case body.empty && (d.method == http.MethodGet || d.method == http.MethodDelete):
		return asked{questions: []entitlement.Call{{Kind: entitlement.CallSomeTool, MCPClientID: o.server}}}, nil
	case len(body.messages) == 0 || len(body.models) > 0:
		return asked{}, problem.Refuse(problem.Forbidden, "", decision.MCPToolBlocked,
			"This is not a call of an MCP server: that needs a JSON-RPC body with a method.")
	}
	a, err := mcpCall(o, body.messages)
	if err == nil && o.tool != "" {
		a.questions = distinct(append(a.questions, tool))
	}
	return a, err
}

// mcpCall is what the messages of an MCP call ask for, each by its method.
func mcpCall(o options, messages []message) (a asked, err error) {
	for _, message := range messages {
		q, ok := entitlement.MCPCall(o.server, message.method, message.tool)
		if !ok {
			return a, problem.Refuse(problem.Forbidden, "", decision.MCPToolBlocked,
				"The MCP method "+clipped(message.method)+" is not granted in this form.")
		}
		a.questions = append(a.questions, q)
		a.lists = a.lists || message.method == "tools/list"
	}
	a.questions = distinct(a.questions)
	return a, nil
}

// distinct leaves out repeated calls.
func distinct(questions []entitlement.Call) []entitlement.Call {
	var kept []entitlement.Call
	for _, q := range questions {
		if !slices.Contains(kept, q) {
			kept = append(kept, q)
		}
	}
	return kept
}

// advise says at a door how to name the model of a body that was not read.
func (d door) advise(err error) error {
	refusal, ok := problem.AsRefusal(err)
	if !ok || !isUnread(err) {
		return err
	}
	p := refusal.Problems[0]
	return problem.Refuse(refusal.Reason, "", p.Code, strings.TrimSpace(p.Message+" "+d.naming))
}
