package handlers

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models"
)

// AuthorizeForward answers a proxy that passes our answer on as it is: Envoy's ext_authz, Traefik's and Caddy's forward auth.
func (h *Handlers) AuthorizeForward(c *gin.Context) error {
	return h.authorize(c, func(d models.Decision) int { return d.StatusCode })
}

// AuthorizeNginx answers nginx, which knows only 401 and 403: the true status is in X-Access-Status.
func (h *Handlers) AuthorizeNginx(c *gin.Context) error {
	return h.authorize(c, func(d models.Decision) int {
		if d.StatusCode == http.StatusOK || d.StatusCode == http.StatusUnauthorized {
			return d.StatusCode
		}
		return http.StatusForbidden
	})
}

// authorize decides about the call that a proxy describes, by the key that its client sent. The key is the credential: who has it may ask
// what it may do.
func (h *Handlers) authorize(c *gin.Context, status func(models.Decision) int) error {
	question, err := describedCall(c)
	if err != nil {
		return h.refuseProxy(c, err)
	}
	decision, err := h.Decider.Decide(ctx(c), models.Asker{VirtualKey: clientKey(c)}, question)
	if err != nil {
		return h.refuseProxy(c, err)
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
	code := status(decision)
	if code == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="gateway"`)
	}
	writeJSON(c, code, gin.H{"error": gin.H{"type": decision.Type, "message": decision.Message}, "allowed": decision.Decision})
	return nil
}

// refuseProxy never lets a call pass because something went wrong here.
func (h *Handlers) refuseProxy(c *gin.Context, err error) error {
	refusal, status, _ := h.refusalOf(c, err)
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Access-Reason", refusal.Problems[0].Code)
	header.Set("X-Access-Status", strconv.Itoa(status))
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "2")
	}
	writeJSON(c, status, gin.H{"error": gin.H{"type": refusal.Problems[0].Code, "message": refusal.Problems[0].Message}, "allowed": false})
	return nil
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

// describedCall reads what the call asks for: from the headers that a proxy sets, else from the body that it forwards, with what the
// address of this check adds.
func describedCall(c *gin.Context) (models.Question, error) {
	address := c.Request.URL.Query()
	first := func(values ...string) string {
		for _, value := range values {
			if value != "" {
				return value
			}
		}
		return ""
	}
	q := models.Question{
		Provider:    first(c.GetHeader("X-Provider"), address.Get("provider")),
		Model:       first(c.GetHeader("X-Ai-Eg-Model"), c.GetHeader("X-Model"), address.Get("model")),
		MCPClientID: first(c.GetHeader("X-Mcp-Client-Id"), address.Get("mcp_client_id")),
		ToolName:    c.GetHeader("X-Tool-Name"),
	}
	if q.Model != "" || q.ToolName != "" {
		return q, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return q, models.Refuse(models.TooLarge, "", "body_too_large", "Send at most 1 MiB of the call's body, or the model in a header.")
	}
	if err != nil || len(body) == 0 {
		return q, nil // without a model nothing is granted
	}
	var call struct {
		Model  string `json:"model"`
		Method string `json:"method"`
		Params struct {
			Name string `json:"name"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &call) != nil {
		return q, nil
	}
	q.Model = call.Model
	if call.Method == "tools/call" { // an MCP call
		q.ToolName = call.Params.Name
	}
	return q, nil
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
