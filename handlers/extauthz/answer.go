package extauthz

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	envoy "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// accessHeaders are told to the gateway behind.
var accessHeaders = []string{
	"X-Access-Key-Id", "X-Access-Line", "X-Access-Profile-Id", "X-Access-Reason", "X-Access-Reservation-Id",
	"X-Access-Status", "X-Access-Tools", "X-Access-User-Id",
}

// deniedHeaders are told to the client of a call that is denied, beside those for the gateway.
var deniedHeaders = []string{
	"Cache-Control", "Content-Type", "Ratelimit", "Ratelimit-Policy", "Retry-After", "Www-Authenticate",
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// response is the answer to a call with these headers, as Envoy takes it. An X-Access- header that is not set is
// removed, since only the client can have sent it.
func (a *answer) response(called http.Header) *auth.CheckResponse {
	if a.status != http.StatusOK {
		return denied(a.status, a.options(slices.Concat(deniedHeaders, accessHeaders)), a.body.String())
	}
	allowed := &auth.OkHttpResponse{
		Headers:              a.options(accessHeaders),
		ResponseHeadersToAdd: a.options([]string{"Ratelimit", "Ratelimit-Policy"}),
	}
	for _, name := range slices.AppendSeq(slices.Clone(accessHeaders), maps.Keys(called)) {
		lower := strings.ToLower(name)
		absent := a.header.Get(name) == "" && !slices.Contains(allowed.HeadersToRemove, lower)
		if absent && strings.HasPrefix(lower, "x-access-") {
			allowed.HeadersToRemove = append(allowed.HeadersToRemove, lower)
		}
	}
	return &auth.CheckResponse{
		Status:       &status.Status{Code: int32(codes.OK)},
		HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: allowed},
	}
}

// options are the headers of those names that are set; each replaces what the call has.
func (a *answer) options(names []string) (options []*core.HeaderValueOption) {
	for _, name := range names {
		if value := a.header.Get(name); value != "" {
			options = append(options, &core.HeaderValueOption{
				Header:       &core.HeaderValue{Key: strings.ToLower(name), Value: value},
				AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			})
		}
	}
	return options
}

func denied(code int, headers []*core.HeaderValueOption, body string) *auth.CheckResponse {
	kind := codes.PermissionDenied
	if code == http.StatusUnauthorized {
		kind = codes.Unauthenticated
	}
	return &auth.CheckResponse{
		Status: &status.Status{Code: int32(kind)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: &auth.DeniedHttpResponse{
			Status: &envoy.HttpStatus{Code: envoy.StatusCode(code)}, Headers: headers, Body: body,
		}},
	}
}
