package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/entitlement"
)

// Actions of AuthZEN. The MCP methods of a server are actions too.
const (
	actionCall     = "call"
	actionToolCall = "tools/call"
)

// serverActions are those of an mcp_server that a search finds.
var serverActions = []string{
	"initialize", "tools/list", "resources/list", "prompts/list", "resources/read", "prompts/get",
}

// question is the call to decide. reason says why there is none: unknown_type or unknown_action.
func (r authzenRequest) question() (q entitlement.Call, reason string) {
	action := r.action.name
	switch r.resource.kind {
	case "model":
		if action != actionCall {
			return q, "unknown_action"
		}
		return entitlement.Call{Provider: r.resource.properties["provider"], Model: r.resource.id}, ""
	case "tool":
		if action != actionCall && action != actionToolCall {
			return q, "unknown_action"
		}
		return r.resource.toolQuestion(), ""
	case "mcp_server":
		if q, known := entitlement.MCPCall(r.resource.id, action, ""); known {
			return q, ""
		}
		return q, "unknown_action"
	}
	return q, "unknown_type"
}

// toolQuestion reads "server/tool"; a property names the server where the id does not.
func (e authzenEntity) toolQuestion() entitlement.Call {
	q := entitlement.Call{Kind: entitlement.CallTool, MCPClientID: e.properties["mcp_client_id"], ToolName: e.id}
	if q.MCPClientID == "" {
		q.MCPClientID, q.ToolName, _ = strings.Cut(e.id, "/")
	}
	return q
}

// searched is what a search of resources looks for; ok is false for resources without such an action.
func (r authzenRequest) searched() (kind entitlement.Kind, server string, ok bool) {
	switch r.resource.kind {
	case "model":
		return entitlement.CallModel, "", r.action.name == actionCall
	case "tool":
		ok = r.action.name == actionCall || r.action.name == actionToolCall
		return entitlement.CallTool, r.resource.properties["mcp_client_id"], ok
	case "mcp_server":
		q, known := entitlement.MCPCall("", r.action.name, "")
		return q.Kind, "", known && (q.Kind == entitlement.CallSomeTool || q.Kind == entitlement.CallWholeServer)
	}
	return 0, "", false
}

// SearchResources lists the models, tools or MCP servers that a subject may call now, of those that the catalogues
// know.
func (g *Gateway) SearchResources(c *gin.Context) error {
	request, err := readAuthZENRequest(c)
	if err == nil {
		err = request.complete()
	}
	if err != nil {
		return err
	}
	results := []gin.H{}
	who, known := request.who()
	if kind, server, ok := request.searched(); known && ok {
		found, err := g.Engine.Callable(reqctx.Of(c), who, kind, server)
		if err != nil {
			return err
		}
		for _, id := range found {
			results = append(results, gin.H{"type": request.resource.kind, "id": id})
		}
	}
	writeResults(c, results)
	return nil
}

// SearchActions lists what a subject may do with a resource.
func (g *Gateway) SearchActions(c *gin.Context) error {
	request, err := readAuthZENRequest(c)
	if err != nil {
		return err
	}
	results := []gin.H{}
	for _, action := range request.actions() {
		request.action = &authzenEntity{name: action}
		answer, err := g.evaluate(c, request)
		if err != nil {
			return err
		}
		if answer.Decision {
			results = append(results, gin.H{"name": action})
		}
	}
	writeResults(c, results)
	return nil
}

// actions are those that a resource can have.
func (r authzenRequest) actions() []string {
	switch {
	case r.resource != nil && r.resource.kind == "tool":
		return []string{actionCall, actionToolCall}
	case r.resource != nil && r.resource.kind == "mcp_server":
		return serverActions
	}
	return []string{actionCall}
}

func writeResults(c *gin.Context, results []gin.H) {
	reply.JSON(c, http.StatusOK, gin.H{
		"results": results, "page": gin.H{"next_token": "", "count": len(results), "total": len(results)},
	})
}
