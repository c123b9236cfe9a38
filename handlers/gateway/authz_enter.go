package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/problem"
)

// namesTooLittle reports whether a call is checked like one that names no model. The path and a header of the proxy fix
// the model (fixed); a body names that of one message, but not of all that a WebSocket brings; and a query counts only
// where realtime APIs take the model from it.
func (d door) namesTooLittle(header http.Header, path pathNames, fixed, named bool) bool {
	switch {
	case fixed:
		return false
	case path.realtime && len(path.inQuery) > 0 && d.method == http.MethodGet && !hasAny(header, overriding):
		return false
	}
	return !named || d.opensWebSocket(header)
}

// enter is the check of a call that names no model: only a call that reads may name none.
func (d door) enter(c *gin.Context) ([]entitlement.Call, error) {
	var message string
	switch {
	case d.method == "":
		message = "The call names no model, and the proxy did not send the method. " +
			"Write ?method=$request_method into the address of the check."
	case d.opensWebSocket(c.Request.Header):
		message = "A WebSocket is opened to one model: name it in the query of a path that ends in /realtime."
	case d.method != http.MethodGet && d.method != http.MethodHead, hasAny(c.Request.Header, overriding):
		message = "The call names no model. " + d.naming
	default:
		return []entitlement.Call{{Kind: entitlement.CallEntry}}, nil
	}
	return nil, problem.Refuse(problem.Forbidden, "", decision.ModelBlocked, message)
}

var (
	// opening are headers of a GET that opens a WebSocket, whose messages name models or tools. Proxies remove Upgrade,
	// but no other of them.
	opening = []string{"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version"}
	// overriding are headers that ask the gateway behind for another method.
	overriding = []string{"X-Http-Method-Override", "X-Method-Override", "X-Http-Method"}
)

// opensWebSocket reports whether a call may open a WebSocket, which is done by GET.
func (d door) opensWebSocket(header http.Header) bool {
	return (d.method == http.MethodGet || d.method == "") && hasAny(header, opening)
}

func hasAny(header http.Header, names []string) bool {
	for _, name := range names {
		if len(header.Values(name)) > 0 {
			return true
		}
	}
	return false
}
