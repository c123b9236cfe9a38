package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
)

// door is one way in which a proxy asks about the call of its client, which may be hostile. The client cannot change
// the address that the proxy writes; of the headers only the key counts, unless that address vouches for them.
type door struct {
	query  string                    // what the proxy wrote into the address of the check
	path   string                    // escaped path and query as the client wrote them; "" when the door does not get them
	method string                    // "" when the door does not get it
	status func(status int) int      // as the proxy can take it
	naming string                    // how to name a model here
	body   func() (forwarded, error) // read once
	own    bool                      // the path comes from the call itself, so that it needs no word of the proxy
}

const (
	namingInQuery  = "Name the model in the address of the check: ?model=provider/model."
	namingInPrefix = "Forward the whole body, or name the model in the path prefix: " +
		"/authz/envoy-with/model=provider%2Fmodel."
)

// AuthorizeForward answers Traefik's and Caddy's forward auth, which pass our answer on as it is and tell method and
// path of the call.
func (g *Gateway) AuthorizeForward(c *gin.Context) error {
	method := c.Request.Method
	if methods := c.Request.Header.Values("X-Forwarded-Method"); len(methods) > 0 && method == http.MethodGet {
		method = strings.Join(methods, ",")
	}
	return g.authorize(c, door{
		query: c.Request.URL.RawQuery, path: toldPath(c), method: method, status: asItIs, naming: namingInQuery,
	})
}

// AuthorizeNginx answers nginx, which knows only 401 and 403: the true status is in X-Access-Status. It asks by GET
// for every call, so that the method has to stand in the address.
func (g *Gateway) AuthorizeNginx(c *gin.Context) error {
	return g.authorize(c, door{
		query: c.Request.URL.RawQuery, path: toldPath(c), naming: namingInQuery,
		status: func(status int) int {
			if status == http.StatusOK || status == http.StatusUnauthorized {
				return status
			}
			return http.StatusForbidden
		},
	})
}

// AuthorizeEnvoy answers Envoy's ext_authz, which repeats the call. Its address is the client's own, so nothing in it
// is an option.
func (g *Gateway) AuthorizeEnvoy(c *gin.Context) error {
	return g.authorizeEnvoy(c, "", strings.TrimPrefix(c.Request.URL.EscapedPath(), "/authz/envoy"))
}

// AuthorizeEnvoyWith is AuthorizeEnvoy with options: the first segment behind /authz/envoy-with/, which Envoy has as
// its path prefix.
func (g *Gateway) AuthorizeEnvoyWith(c *gin.Context) error {
	options, path, _ := strings.Cut(strings.TrimPrefix(c.Request.URL.EscapedPath(), "/authz/envoy-with/"), "/")
	return g.authorizeEnvoy(c, options, "/"+path)
}

func (g *Gateway) authorizeEnvoy(c *gin.Context, options, path string) error {
	if query := c.Request.URL.RawQuery; query != "" {
		path += "?" + query
	}
	return g.authorize(c, door{
		query: options, path: path, method: c.Request.Method, status: asItIs, naming: namingInPrefix, own: true,
	})
}

func asItIs(status int) int { return status }

// authorize decides about the call that a proxy describes, by the key or access token that its client sent. It is also
// the credential of the request: its user may ask what it allows.
func (g *Gateway) authorize(c *gin.Context, d door) error {
	decision, err := g.decideAt(c, d)
	if err != nil {
		g.refuseProxy(c, err, d.status)
		return nil
	}
	header := c.Writer.Header()
	describe(header, decision)
	code := d.status(decision.StatusCode)
	if code == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challenge(c.Request.Header))
	}
	answer := proxyAnswer{Allowed: decision.Decision, Grace: decision.Grace}
	if !decision.Decision {
		answer.Error = &proxyError{decision.Message, decision.Type}
	}
	reply.JSON(c, code, answer)
	return nil
}

// proxyAnswer is the body of an answer to a proxy.
type proxyAnswer struct {
	Allowed bool        `json:"allowed"`
	Error   *proxyError `json:"error,omitempty"`
	Grace   bool        `json:"grace,omitempty"`
}

type proxyError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// decideAt decides about everything that a call can lead to: the first that is denied denies the call.
func (g *Gateway) decideAt(c *gin.Context, d door) (decision.Decision, error) {
	who, err := caller(c.Request.Header)
	if err != nil {
		return decision.Decision{}, err
	}
	asked, err := d.call(c)
	if err != nil {
		// An unknown key is reported first, before problems of the call.
		entry, failed := g.Engine.Decide(reqctx.Of(c), who, entitlement.Call{Kind: entitlement.CallEntry})
		late := reqctx.Of(c).Err() != nil // the body took all the time there was
		if late || failed == nil && entry.Decision {
			return decision.Decision{}, err
		}
		return entry, failed
	}
	// The first is decided last, since a hold may come with it.
	for _, q := range asked.questions[1:] {
		if decision, err := g.Engine.Decide(reqctx.Of(c), who, q); err != nil || !decision.Decision {
			return decision, err
		}
	}
	decide := g.Engine.Decide
	if asked.reserve {
		decide = g.Engine.Reserve
	}
	decision, err := decide(reqctx.Of(c), who, asked.questions[0])
	if err == nil && decision.Decision && asked.lists {
		err = g.offerTools(c, who, asked.questions[0].MCPClientID)
	}
	return decision, err
}

// refuseProxy never lets a call pass because something went wrong here.
func (g *Gateway) refuseProxy(c *gin.Context, err error, status func(int) int) {
	refusal, code, _ := reply.Refusal(c, g.Log, err)
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Access-Reason", refusal.Problems[0].Code)
	header.Set("X-Access-Status", strconv.Itoa(code))
	if code == http.StatusServiceUnavailable {
		header.Set("Retry-After", "2")
	}
	first := refusal.Problems[0]
	reply.JSON(c, status(code), proxyAnswer{Error: &proxyError{first.Message, first.Code}})
}
