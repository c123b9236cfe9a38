package gateway

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models/decision"
	"tollgate/models/money"
	"tollgate/models/problem"
)

// options are what a proxy wrote into the address of the check.
type options struct {
	provider, model string
	server, tool    string
	method          string       // of the call
	path            string       // which kind of path names the model: gemini, bedrock or azure
	trust           bool         // the proxy overwrites the headers that name models and tools
	reserve         *money.Money // the estimate to hold, in dollars; 0 when only tokens are estimated
	tokens          int64        // estimated
	headerModel     string       // what the proxy wrote into a header
}

func badOption(code, message string) error {
	return problem.Refuse(problem.Forbidden, "", code, message)
}

// options reads the address of the check strictly: a typo here would silently allow calls. doubtful is true when the
// call has the same query: the proxy may have kept its client's query, or the client may have repeated the proxy's.
func (d door) options() (o options, doubtful bool, err error) {
	values, err := url.ParseQuery(d.query)
	if err != nil {
		return o, false, badOption("invalid_option", "The address of the check cannot be read: percent-encode its values.")
	}
	doubtful = !d.own && d.query != "" && d.ofClient(values)
	if o, err = readOptions(values); err != nil && doubtful {
		return options{}, false, nil // no proxy wrote that
	}
	return o, doubtful, err
}

func readOptions(values url.Values) (o options, err error) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			return o, badOption("invalid_option", "The address of the check names "+name+" twice.")
		}
		if err := o.set(name, values[name][0]); err != nil {
			return o, err
		}
	}
	if o.model != "" && (o.server != "" || o.tool != "") {
		return o, badOption("ambiguous_question", "The address of the check names a model and a tool: write two addresses.")
	}
	return o, nil
}

// ofClient reports whether the call has the same query: a proxy whose address of the check has no query may keep its
// client's.
func (d door) ofClient(values url.Values) bool {
	_, query, _ := strings.Cut(d.path, "?")
	if query == d.query {
		return true
	}
	called, err := url.ParseQuery(query)
	return err == nil && maps.EqualFunc(called, values, slices.Equal)
}

func (o *options) set(name, value string) error {
	switch {
	case name == "model":
		o.model = value
	case name == "provider":
		o.provider = value
	case name == "mcp_client_id":
		o.server = value
	case name == "tool_name":
		o.tool = value
	case name == "method":
		o.method = value
	case name == "trust" && value == "headers":
		o.trust = true
	case name == "path" && pathForms[value] != nil:
		o.path = value
	case name == "reserve":
		amount, err := decision.ParseEstimate(value)
		if err != nil {
			return badOption(
				"invalid_option", "The address of the check says reserve="+clipped(value)+": write dollars, such as 0.05.",
			)
		}
		o.reserve = &amount
	case name == "reserve_tokens":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > decision.MaxCallTokens {
			return badOption(
				"invalid_option", "The address of the check says reserve_tokens="+clipped(value)+": write a whole number.",
			)
		}
		if o.tokens = n; o.reserve == nil { // the options come in the order of their names
			o.reserve = new(money.Money)
		}
	default:
		return badOption("invalid_option", "The address of the check says "+clipped(name+"="+value)+
			", which is no option. The options are "+
			"model, provider, mcp_client_id, tool_name, method, path, trust, reserve and reserve_tokens.")
	}
	if value == "" {
		return badOption("invalid_option", "The address of the check has no value for "+name+".")
	}
	return nil
}

// clipped shortens a client's text for a message.
func clipped(text string) string {
	const most = 64
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// toldPath is the path and query of the call as the proxy sends them, "" when it sends none or more than one.
func toldPath(c *gin.Context) string {
	for _, name := range []string{"X-Forwarded-Uri", "X-Original-Uri"} {
		switch paths := c.Request.Header.Values(name); len(paths) {
		case 0:
		case 1:
			return paths[0]
		default:
			return ""
		}
	}
	return ""
}
