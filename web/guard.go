package web

import (
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/models/problem"
)

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"

// secureHeaders runs before every handler that answers, so that refusals carry the headers too. All responses share the
// values, so they are replaced, never changed in place.
func secureHeaders(https bool) gin.HandlerFunc {
	secure := http.Header{
		"Content-Security-Policy":      {contentPolicy},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
		"Referrer-Policy":              {"same-origin"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Cache-Control":                {"private, no-cache"},
	}
	if https {
		secure.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return func(c *gin.Context) { maps.Copy(c.Writer.Header(), secure) }
}

// allowHosts refuses requests for a host name that is not ours: otherwise a page of another site could make its own
// name resolve to us (DNS rebinding).
func allowHosts(config Config, h *handlers.Handlers) gin.HandlerFunc {
	allowed := slices.Clone(config.Hosts)
	if base, err := url.Parse(config.BaseURL); err == nil && base.Host != "" {
		allowed = append(allowed, base.Host)
	}
	if len(allowed) == 0 {
		allowed = []string{"localhost", "127.0.0.1", "::1", config.Addr}
	}
	for i, host := range allowed {
		allowed[i] = hostname(host)
	}
	return func(c *gin.Context) {
		path := c.Request.URL.Path
		// Proxies send the host name of their own client's request.
		if path == "/healthz" || path == "/readyz" || strings.HasPrefix(path, "/authz/") ||
			slices.Contains(allowed, hostname(c.Request.Host)) {
			return
		}
		h.Fail(c, problem.Refuse(problem.WrongHost, "", "unknown_host",
			"Use the address of this console; it does not answer to this host name."))
	}
}

// hostname is a host without its port, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// sameOrigin refuses unsafe requests that a page of another site made a browser send.
func sameOrigin(h *handlers.Handlers) gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		if protection.Check(c.Request) != nil {
			h.Fail(c, problem.Refuse(problem.Forbidden, "", "cross_origin_request",
				"Send this from the console itself; it came from another site."))
		}
	}
}
