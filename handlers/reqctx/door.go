package reqctx

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// IsAPI reports whether the request came by the JSON door; the path alone decides.
func IsAPI(c *gin.Context) bool {
	return strings.HasPrefix(c.Request.URL.Path, "/api/") || c.Request.URL.Path == "/metrics" || IsAuthZEN(c) ||
		IsSCIM(c) || IsOTLP(c)
}

// IsSCIM reports whether the request speaks SCIM, which has its own way to report problems too.
func IsSCIM(c *gin.Context) bool { return strings.HasPrefix(c.Request.URL.Path, "/scim/v2/") }

// IsAuthZEN reports whether the request speaks AuthZEN, which has its own way to report problems.
func IsAuthZEN(c *gin.Context) bool {
	return strings.HasPrefix(c.Request.URL.Path, "/access/v1/") ||
		strings.HasPrefix(c.Request.URL.Path, "/.well-known/authzen-")
}

// IsOTLP reports a request of OpenTelemetry's exporters.
func IsOTLP(c *gin.Context) bool { return strings.HasPrefix(c.Request.URL.Path, "/v1/") }

// IsHTMX reports whether htmx asks for a part of a page.
func IsHTMX(c *gin.Context) bool { return c.GetHeader("HX-Request") == "true" }
