package handlers

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models"
)

// AuthorizeForward answers Traefik's and Caddy's forward auth, which pass our answer on as it is.
func (h *Handlers) AuthorizeForward(c *gin.Context) error {
	return h.authorize(c, c.Request.URL.Query(), asItIs)
}

// AuthorizeEnvoy answers Envoy's ext_authz. The address is its client's own, so nothing in it counts.
func (h *Handlers) AuthorizeEnvoy(c *gin.Context) error {
	return h.authorize(c, nil, asItIs)
}

// AuthorizeNginx answers nginx, which knows only 401 and 403: the true status is in X-Access-Status.
func (h *Handlers) AuthorizeNginx(c *gin.Context) error {
	return h.authorize(c, c.Request.URL.Query(), func(status int) int {
		if status == http.StatusOK || status == http.StatusUnauthorized {
			return status
		}
		return http.StatusForbidden
	})
}

func asItIs(status int) int { return status }

// authorize decides about the call that a proxy describes, by the key that its client sent. The key is the credential: who has it may ask
// what it may do.
func (h *Handlers) authorize(c *gin.Context, address url.Values, status func(int) int) error {
	question, err := describedCall(c, address)
	var decision models.Decision
	if err == nil {
		decision, err = h.Decider.Decide(ctx(c), models.Asker{VirtualKey: clientKey(c)}, question)
	}
	if err != nil {
		h.refuseProxy(c, err, status)
		return nil
	}
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Access-Reason", decision.Type)
	header.Set("X-Access-Status", strconv.Itoa(decision.StatusCode))
	if decision.Payer != nil {
		header.Set("X-Access-Profile-ID", strconv.FormatInt(decision.Payer.AccessProfileID, 10))
	}
	rateLimitFields(header, decision)
	if decision.RetryAfter != nil {
		header.Set("Retry-After", strconv.FormatInt(*decision.RetryAfter, 10))
	}
	code := status(decision.StatusCode)
	if code == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="gateway"`)
	}
	writeJSON(c, code, gin.H{"error": gin.H{"type": decision.Type, "message": decision.Message}, "allowed": decision.Decision})
	return nil
}

// refuseProxy never lets a call pass because something went wrong here.
func (h *Handlers) refuseProxy(c *gin.Context, err error, status func(int) int) {
	refusal, code, _ := h.refusalOf(c, err)
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Access-Reason", refusal.Problems[0].Code)
	header.Set("X-Access-Status", strconv.Itoa(code))
	if code == http.StatusServiceUnavailable {
		header.Set("Retry-After", "2")
	}
	writeJSON(c, status(code), gin.H{"error": gin.H{"type": refusal.Problems[0].Code, "message": refusal.Problems[0].Message}, "allowed": false})
}

// keyHeaders are where clients of LLM providers put their key.
var keyHeaders = []string{"x-bf-vk", "x-api-key", "api-key", "x-goog-api-key"}

func clientKey(c *gin.Context) string {
	if scheme, credential, ok := strings.Cut(c.GetHeader("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(credential)
	}
	for _, name := range keyHeaders {
		if value := c.GetHeader(name); value != "" {
			return value
		}
	}
	return ""
}

// describedCall reads what the call asks for. What the proxy wrote into the address of the check counts before anything that its client
// could send; then the body that is forwarded, which is what the provider will read; then the headers, which the proxy has to set.
func describedCall(c *gin.Context, address url.Values) (models.Question, error) {
	server, tool := address.Get("mcp_client_id"), address.Get("tool_name")
	switch model := address.Get("model"); {
	case model != "":
		return models.Question{Provider: address.Get("provider"), Model: model}, nil
	case server != "" && tool != "":
		return models.Question{MCPClientID: server, ToolName: tool}, nil
	}
	called, err := forwardedCall(c)
	if err != nil {
		return models.Question{}, err
	}
	if called == (call{}) {
		called = call{firstOf(c.GetHeader("X-Ai-Eg-Model"), c.GetHeader("X-Model")), c.GetHeader("X-Tool-Name")}
	}
	server = firstOf(server, c.GetHeader("X-Mcp-Client-Id"))
	switch {
	case called.model != "" && called.tool != "":
		return models.Question{}, unreadable("", "ambiguous_question", "Ask for a model or for a tool, not both.")
	case called.tool != "" || called.model == "" && server != "":
		return models.Question{MCPClientID: server, ToolName: called.tool}, nil // without a server nothing grants it
	}
	return models.Question{Provider: firstOf(address.Get("provider"), c.GetHeader("X-Provider")), Model: called.model}, nil
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// call is what a forwarded body asks for: a model, or the tool of an MCP call.
type call struct{ model, tool string }

// forwardedCall reads the body as strictly as any other: what two readers could read in two ways, or cannot be read here, is refused.
func forwardedCall(c *gin.Context) (call, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return call{}, models.Refuse(models.TooLarge, "", "body_too_large", "Send at most 1 MiB of the call's body, or name the model in the address of the check.")
	case err != nil:
		return call{}, unreadable("", "incomplete_body", "Forward the whole body, or none.")
	case len(bytes.TrimSpace(body)) == 0:
		return call{}, nil
	}
	root, err := parseJSON(body)
	if err != nil {
		return call{}, err
	}
	if root.kind != models.Object {
		return call{}, unreadable("", "wrong_type", "Forward one call as a JSON object, or name the model in the address of the check.")
	}
	model, err := root.textOf("model")
	if err != nil {
		return call{}, err
	}
	params, err := root.only("params")
	if err != nil || params == nil {
		return call{model: model}, err
	}
	tool, err := params.textOf("name")
	return call{model, tool}, err
}

// only is the member with a name; nil when there is none. Members that some readers take for it are refused.
func (n *node) only(name string) (*node, error) {
	var found *node
	for i, m := range n.members {
		switch {
		case m.name == name:
			found = &n.members[i].node
		case strings.EqualFold(m.name, name):
			return nil, unreadable(m.name, "unknown_field", "Write "+name+" in small letters.")
		}
	}
	return found, nil
}

func (n *node) textOf(name string) (string, error) {
	member, err := n.only(name)
	if err != nil || member == nil {
		return "", err
	}
	if member.kind != models.String {
		return "", unreadable(name, "wrong_type", "Give "+name+" as text.")
	}
	return member.text, nil
}

// rateLimitFields tell how the tightest limits of requests and tokens stand.
func rateLimitFields(header http.Header, d models.Decision) {
	var policies, states []string
	for _, limit := range d.Limits {
		if limit.Kind == "spend" {
			continue
		}
		name := `"` + limit.Kind + "-" + strings.NewReplacer(":", "-", `"`, "", `\`, "").Replace(limit.Scope) + `"`
		left := max(0, limit.Limit.N-limit.Used.N-limit.Reserved.N)
		policies = append(policies, name+";q="+strconv.FormatInt(limit.Limit.N, 10)+";w="+strconv.FormatInt(limit.WindowSeconds, 10))
		states = append(states, name+";r="+strconv.FormatInt(left, 10)+";t="+strconv.FormatInt(limit.ResetsInSeconds, 10))
	}
	if len(policies) > 0 {
		header.Set("RateLimit-Policy", strings.Join(policies, ", "))
		header.Set("RateLimit", strings.Join(states, ", "))
	}
}
