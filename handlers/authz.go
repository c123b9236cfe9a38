package handlers

import (
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
	if model := address.Get("model"); model != "" {
		return models.Question{Provider: address.Get("provider"), Model: model}, nil
	}
	called, err := forwardedCall(c)
	if err != nil {
		return models.Question{}, err
	}
	if server := address.Get("mcp_client_id"); server != "" {
		return models.Question{MCPClientID: server, ToolName: firstOf(address.Get("tool_name"), called.tool, c.GetHeader("X-Tool-Name"))}, nil
	}
	if server := c.GetHeader("X-Mcp-Client-Id"); server != "" && called.model == "" && address.Get("provider") == "" {
		return models.Question{MCPClientID: server, ToolName: firstOf(called.tool, c.GetHeader("X-Tool-Name"))}, nil
	}
	model := firstOf(called.model, c.GetHeader("X-Ai-Eg-Model"), c.GetHeader("X-Model"))
	if tool := firstOf(called.tool, c.GetHeader("X-Tool-Name")); model == "" && tool != "" {
		return models.Question{ToolName: tool}, nil // of no server that anybody named, so nothing grants it
	}
	return models.Question{Provider: firstOf(address.Get("provider"), c.GetHeader("X-Provider")), Model: model}, nil
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

// forwardedCall reads the body as strictly as any other: what two readers could read in two ways is refused. A body that is no JSON says
// nothing of the call.
func forwardedCall(c *gin.Context) (call, error) {
	var called call
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return called, models.Refuse(models.TooLarge, "", "body_too_large", "Send at most 1 MiB of the call's body, or the model in a header.")
	case err != nil:
		return called, unreadable("", "incomplete_body", "Forward the whole body, or none.")
	case !strings.HasPrefix(strings.TrimSpace(string(body)), "{"):
		return called, nil
	}
	root, err := parseJSON(body)
	if err != nil {
		return called, err
	}
	for _, m := range root.members {
		switch {
		case m.name == "model":
			if m.node.kind != models.String {
				return called, unreadable("model", "wrong_type", "Name the model as text.")
			}
			called.model = m.node.text
		case strings.EqualFold(m.name, "model"):
			return called, unreadable(m.name, "unknown_field", "Write model in small letters.")
		case m.name == "params":
			for _, p := range m.node.members {
				if p.name == "name" && p.node.kind == models.String {
					called.tool = p.node.text
				}
			}
		}
	}
	return called, nil
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
