package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"tollgate/handlers/reqctx"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/problem"
	"tollgate/models/virtualkey"
)

// keyHeaders are where clients of LLM providers put their key, in the order in which they count.
var keyHeaders = []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// ClientKey is the virtual key of a call, "" without one. A value that is no virtual key is passed over: it is meant
// for the provider. Two different keys are refused, since the gateway behind might take the other one.
func ClientKey(header http.Header) (string, error) {
	found := ""
	for _, name := range keyHeaders {
		for _, value := range header.Values(name) {
			key, ok := virtualKeyIn(name, value)
			switch {
			case !ok || key == found:
			case found == "":
				found = key
			default:
				return "", problem.Refuse(problem.Forbidden, "", "ambiguous_key",
					"Send one virtual key: the one in "+name+" differs from that of another header.")
			}
		}
	}
	return found, nil
}

// virtualKeyIn reads one header; only Authorization has to say Bearer in front.
func virtualKeyIn(name, value string) (key string, ok bool) {
	scheme, credential, cut := strings.Cut(strings.TrimSpace(value), " ")
	switch {
	case cut && strings.EqualFold(scheme, "Bearer"):
		key = strings.TrimSpace(credential)
	case name != "Authorization":
		key = strings.TrimSpace(value)
	}
	return key, strings.HasPrefix(key, virtualkey.Prefix)
}

// caller is who makes a call: the holder of its virtual key or, without one, the user of its access token. Beside a
// virtual key a token is meant for the provider. Two different tokens are refused, like two keys.
func caller(header http.Header) (who entitlement.Subject, err error) {
	if who.VirtualKey, err = ClientKey(header); err != nil || who.VirtualKey != "" {
		return who, err
	}
	for _, value := range header.Values("Authorization") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
		token = strings.TrimSpace(token)
		switch {
		case !strings.EqualFold(scheme, "Bearer"), strings.Count(token, ".") != 2, token == who.AccessToken:
		case who.AccessToken == "":
			who.AccessToken = token
		default:
			return who, problem.Refuse(problem.Forbidden, "", "ambiguous_key",
				"Send one access token: Authorization has two that differ.")
		}
	}
	return who, nil
}

// challenge says in an answer of 401 how to ask again.
func challenge(header http.Header) string {
	if who, err := caller(header); err == nil && who.AccessToken != "" {
		return `Bearer realm="gateway", error="invalid_token"`
	}
	return `Bearer realm="gateway"`
}

// describe puts a decision into the headers of an answer.
func describe(header http.Header, d decision.Decision) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Access-Reason", d.Type)
	header.Set("X-Access-Status", strconv.Itoa(d.StatusCode))
	if d.AccessProfileID != 0 {
		header.Set("X-Access-Profile-Id", strconv.FormatInt(d.AccessProfileID, 10))
	}
	setID(header, "X-Access-User-Id", d.UserID)
	setID(header, "X-Access-Key-Id", d.VirtualKeyID)
	if d.ReservationID != nil {
		header.Set("X-Access-Reservation-Id", *d.ReservationID)
	}
	if d.RetryAfter != nil {
		header.Set("Retry-After", strconv.FormatInt(*d.RetryAfter, 10))
	}
	if len(d.RefusedBy) > 0 {
		header.Set("X-Access-Line", d.RefusedBy[0].String())
	}
	rateLimitFields(header, d)
}

func setID(header http.Header, name string, id uuid.UUID) {
	if id != uuid.Nil {
		header.Set(name, id.String())
	}
}

// inName leaves out of a scope what the name of a policy cannot have.
var inName = strings.NewReplacer(":", "-", `"`, "", `\`, "")

// rateLimitFields show what is left of the limits of requests and tokens.
func rateLimitFields(header http.Header, d decision.Decision) {
	var policies, states []string
	for _, limit := range d.Limits {
		if limit.Kind == "spend" {
			continue
		}
		name := `"` + limit.Kind + "-" + inName.Replace(limit.Scope.String()) + `"`
		left := max(0, limit.Limit.N-limit.Used.N-limit.Reserved.N)
		policies = append(
			policies, name+";q="+strconv.FormatInt(limit.Limit.N, 10)+";w="+strconv.FormatInt(limit.WindowSeconds, 10),
		)
		states = append(states, name+";r="+strconv.FormatInt(left, 10)+";t="+strconv.FormatInt(limit.ResetsInSeconds, 10))
	}
	if len(policies) > 0 {
		header.Set("RateLimit-Policy", strings.Join(policies, ", "))
		header.Set("RateLimit", strings.Join(states, ", "))
	}
}

// fewTools is how many names of tools fit into a header.
const fewTools = 50

// offerTools names the tools of a server that are granted, so that the gateway can narrow its list of tools down to
// them. Limits that are used up change nothing about the list: they refuse the calls. When there are more than fit, the
// header is left out: a search by AuthZEN has them all.
func (g *Gateway) offerTools(c *gin.Context, who entitlement.Subject, server string) error {
	granted, err := g.Engine.GrantedTools(reqctx.Of(c), who, server)
	if err == nil && len(granted) <= fewTools {
		c.Header("X-Access-Tools", strings.Join(granted, ","))
	}
	return err
}
