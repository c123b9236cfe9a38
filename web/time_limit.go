package web

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/telemetry"
)

const (
	// requestTimeout is slightly longer than the database's own limit for a statement: a database that is silent for
	// longer will not answer.
	requestTimeout = 5300 * time.Millisecond
	slowTimeout    = 20 * time.Second
	exportTimeout  = 15 * time.Minute
	// tracesTimeout is less than the 10 s for which an exporter of OpenTelemetry waits unless told otherwise: it is to be
	// told to come again.
	tracesTimeout = 8 * time.Second
)

// timeout is how long a route may take. Exports are slow because their reader may be; bulk changes, documents of
// configuration and reports read or change many rows.
func timeout(route string) time.Duration {
	switch {
	case route == telemetry.TracesPath:
		return tracesTimeout
	case strings.HasSuffix(route, "/export"):
		return exportTimeout
	case strings.HasSuffix(route, "/bulk"), strings.HasSuffix(route, "/refresh-tools"), strings.HasSuffix(route, "/usage"),
		strings.HasSuffix(route, "/usage/litellm"),
		strings.Contains(route, "/propagate"), strings.Contains(route, "/config/"),
		strings.HasPrefix(route, "/scim/v2/Groups"), strings.HasSuffix(route, "/rules"):
		return slowTimeout
	}
	return requestTimeout
}

// soon runs a check that comes before the work of a route, within requestTimeout: a slow route does not get its long
// timeout for the check of its credential.
func soon(c *gin.Context, check func() error) error {
	if timeout(c.FullPath()) <= requestTimeout {
		return check()
	}
	request := c.Request
	short, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer func() { cancel(); c.Request = request }()
	c.Request = request.WithContext(short)
	return check()
}
