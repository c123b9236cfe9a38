package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models"
)

// asked is everything that a call can lead to, at least one question; and what to do when all of it is allowed.
type asked struct {
	questions []models.Question
	reserve   bool // hold the estimate for the first
	lists     bool // the call lists the tools of a server
}

// mostModels is how many models one call may lead to.
const mostModels = 50

// call reads what a call asks for. What the proxy wrote into the address of the check counts before anything that its client could send.
// Otherwise everything that the gateway behind may go by has to be allowed: the path, the forwarded body, and the headers that the
// address vouches for.
func (d door) call(c *gin.Context) (asked, error) {
	o, err := d.options()
	if err != nil {
		return asked{}, err
	}
	if o.method != "" {
		d.method = o.method
	}
	if o.trust {
		d.trusted(c.Request.Header, &o)
	}
	var a asked
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

// trusted takes what the proxy wrote into headers, where its address did not say it.
func (d *door) trusted(header http.Header, o *options) {
	if d.method == "" {
		d.method = firstOf(header.Get("X-Original-Method"), header.Get("X-Forwarded-Method"))
	}
	if o.model != "" || o.server != "" && o.tool != "" {
		return
	}
	o.provider = firstOf(o.provider, header.Get("X-Provider"))
	o.headerModel = firstOf(header.Get("X-Ai-Eg-Model"), header.Get("X-Model"))
	o.server, o.tool = firstOf(o.server, header.Get("X-Mcp-Client-Id")), firstOf(o.tool, header.Get("X-Tool-Name"))
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
	if err != nil || o.path != "" && len(path.named) > 0 {
		return asked{questions: o.ofModels(path.named...)}, err
	}
	named := o.ofModels(path.named...)
	if o.headerModel != "" {
		named = append(o.ofModels(o.headerModel), named...)
	}
	body, err := forwardedBody(c)
	switch {
	case err != nil && (len(named) == 0 || !isUnread(err)):
		return asked{}, d.advise(err)
	case len(body.messages) > 0:
		return mcpCall(o, body.messages)
	}
	err = nil // of a body that need not be read, since the proxy or the path names the model
	for _, q := range body.models {
		q.Provider, q.Model = firstOf(q.Provider, o.provider), path.bare(q.Model)
		named = append(named, q)
	}
	if len(named) == 0 {
		named = o.ofModels(path.inQuery...)
	}
	if len(named) == 0 {
		named, err = d.enter(c, o)
	}
	if len(named) > mostModels {
		err = unreadable("", "too_many_items", "A call may name at most 50 models.")
	}
	return asked{questions: distinct(named)}, err
}

// ofModels asks for models of the provider that the proxy names.
func (o options) ofModels(names ...string) []models.Question {
	questions := make([]models.Question, len(names))
	for i, name := range names {
		questions[i] = models.Question{Provider: o.provider, Model: name}
	}
	return questions
}

// enter is the question of a call that names no model: only one that reads something may do so.
func (d door) enter(c *gin.Context, o options) ([]models.Question, error) {
	var message string
	switch {
	case o.clients && mentionsOption(d.query):
		message = "The query of the check is the client's own, so that it names no model. " +
			"Give the address of the check a query, such as ?trust=headers."
	case d.method == "":
		message = "The call names no model, and the door is not told its method. " +
			"Write ?method=$request_method into the address of the check."
	case d.method != http.MethodGet && d.method != http.MethodHead, c.GetHeader("Upgrade") != "":
		message = "The call names no model. " + d.naming
	default:
		return []models.Question{{Kind: models.CallEntry}}, nil
	}
	return nil, models.Refuse(models.Forbidden, "", models.ModelBlocked, message)
}

// mentionsOption reports whether a query of the client holds what would have been an option of the proxy.
func mentionsOption(query string) bool {
	values, _ := url.ParseQuery(query)
	for _, name := range []string{"model", "provider", "mcp_client_id", "tool_name", "method", "path", "trust"} {
		if values.Has(name) {
			return true
		}
	}
	return false
}

// toolCall is a call of an MCP server, whose method decides.
func (d door) toolCall(c *gin.Context, o options) (asked, error) {
	tool := models.Question{Kind: models.CallTool, MCPClientID: o.server, ToolName: o.tool}
	if o.headerModel != "" {
		return asked{}, models.Refuse(models.Forbidden, "", "ambiguous_question", "Ask for a model or for a tool, not both.")
	}
	body, err := forwardedBody(c)
	switch {
	case o.tool != "" && (err == nil && body.empty || isUnread(err)):
		return asked{questions: []models.Question{tool}}, nil
	case err != nil:
		return asked{}, d.advise(err)
	case o.tool != "" && !o.trust:
		return asked{questions: []models.Question{tool}}, nil
	case body.empty && (d.method == http.MethodGet || d.method == http.MethodDelete):
		return asked{questions: []models.Question{{Kind: models.CallSomeTool, MCPClientID: o.server}}}, nil
	case len(body.messages) == 0 || len(body.models) > 0:
		return asked{}, models.Refuse(models.Forbidden, "", models.MCPToolBlocked,
			"This is no call of an MCP server: it needs a JSON-RPC body with a method.")
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
		q, ok := models.MCPCall(o.server, message.method, message.tool)
		if !ok {
			return a, models.Refuse(models.Forbidden, "", models.MCPToolBlocked,
				"The MCP method "+clipped(message.method)+" is not granted in this form.")
		}
		a.questions = append(a.questions, q)
		a.lists = a.lists || message.method == "tools/list"
	}
	a.questions = distinct(a.questions)
	return a, nil
}

// distinct are questions without those that were there before.
func distinct(questions []models.Question) []models.Question {
	var kept []models.Question
	for _, q := range questions {
		if !slices.Contains(kept, q) {
			kept = append(kept, q)
		}
	}
	return kept
}

// advise says at a door how to name the model of a body that was not read.
func (d door) advise(err error) error {
	refusal, ok := models.AsRefusal(err)
	if !ok || !isUnread(err) {
		return err
	}
	problem := refusal.Problems[0]
	return models.Refuse(refusal.Reason, "", problem.Code, strings.TrimSpace(problem.Message+" "+d.naming))
}
