package web_test

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"

	"tollgate/web"
	"tollgate/web/webtest"
)

// checker asks a console over gRPC, on the port of its pages.
type checker struct {
	auth.AuthorizationClient
	connection *grpc.ClientConn
	console    *webtest.Console
	t          testing.TB
}

func newChecker(t testing.TB, c *webtest.Console) checker {
	t.Helper()
	handler, err := web.New(web.Config{}, c.H)
	c.Must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	c.Must(err)
	server := web.Server("", handler, c.H.Log)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	c.Must(err)
	t.Cleanup(func() { _ = client.Close() })
	return checker{auth.NewAuthorizationClient(client), client, c, t}
}

// check is the answer to a check: its status, and the headers for the gateway or the client.
func (c checker) check(call *auth.AttributeContext_HttpRequest, extensions map[string]string) (int, map[string]string, *auth.CheckResponse) {
	c.t.Helper()
	var response *auth.CheckResponse
	for range 4 {
		var err error
		response, err = c.Check(c.t.Context(), &auth.CheckRequest{Attributes: &auth.AttributeContext{
			Request: &auth.AttributeContext_Request{Http: call}, ContextExtensions: extensions,
		}})
		if err != nil {
			c.t.Fatal(err)
		}
		denied := int(response.GetDeniedResponse().GetStatus().GetCode())
		if !c.console.StoodStill(webtest.Answer{Response: &http.Response{StatusCode: denied}}) {
			break
		}
	}
	status, options := 200, response.GetOkResponse().GetHeaders()
	if denied := response.GetDeniedResponse(); denied != nil {
		status, options = int(denied.GetStatus().GetCode()), denied.GetHeaders()
	}
	if (response.GetStatus().GetCode() == 0) != (status == 200) {
		c.t.Errorf("status %v with %d", response.GetStatus(), status)
	}
	headers := map[string]string{}
	for _, option := range options {
		headers[option.GetHeader().GetKey()] = option.GetHeader().GetValue()
	}
	return status, headers, response
}

func chat(key, body string) *auth.AttributeContext_HttpRequest {
	return &auth.AttributeContext_HttpRequest{
		Method: "POST", Path: "/v1/chat/completions", Host: "llm.example.com", Body: body,
		Headers: map[string]string{":method": "POST", ":path": "/v1/chat/completions", "x-api-key": key, "content-type": "application/json"},
	}
}

// Checks over gRPC are answered as those over HTTP: the same status, reason and headers for the same call.
func TestExtAuthzOverGRPC(t *testing.T) {
	g := webtest.NewGateway(t)
	c := newChecker(t, g.Console)
	limited := g.Member("limited@example.com", "Viewer")
	_, poor := g.Give(limited, g.ProfileNaming("Poor", `"budgets":[{"max_limit":1,"reset_duration":"1M"}],"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	g.Admin.Counted(webtest.Event(poor))
	const allowed = `{"model":"openai/gpt-4o"}`
	for name, row := range map[string]struct {
		key, method, path, body, extensions string
		status                              int
		reason                              string
	}{
		"allowed":           {g.Key, "POST", "/v1/chat/completions", allowed, "", 200, "allowed"},
		"no key":            {"", "POST", "/v1/chat/completions", allowed, "", 401, "access_not_found"},
		"an unknown key":    {"sk-bf-x", "POST", "/v1/chat/completions", allowed, "", 401, "access_not_found"},
		"another model":     {g.Key, "POST", "/v1/chat/completions", `{"model":"openai/gpt-3"}`, "", 403, "model_blocked"},
		"used up":           {poor, "POST", "/v1/chat/completions", allowed, "", 402, "budget_exceeded"},
		"no body":           {g.Key, "POST", "/v1/chat/completions", "", "", 403, "model_blocked"},
		"a repeated member": {g.Key, "POST", "/v1/chat/completions", `{"model":"openai/gpt-4o","model":"openai/gpt-3"}`, "", 400, "duplicate_key"},
		"large":             {g.Key, "POST", "/v1/chat/completions", `{"model":"openai/gpt-4o","x":"` + strings.Repeat("x", 1<<20) + `"}`, "", 413, "body_too_large"},
		"the path names it": {g.Key, "POST", "/v1beta/models/gpt-3:generateContent", "{}", "provider=openai&path=gemini", 403, "model_blocked"},
		"options":           {g.Key, "POST", "/v1/files?model=openai/gpt-3", "", "model=openai%2Fgpt-4o", 200, "allowed"},
		"a wrong option":    {g.Key, "POST", "/v1/chat/completions", allowed, "models=openai%2Fgpt-4o", 403, "invalid_option"},
		"a list":            {g.Key, "GET", "/v1/models?limit=5", "", "", 200, "allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			extensions, door := map[string]string{}, "/authz/envoy"
			if row.extensions != "" {
				door = "/authz/envoy-with/" + row.extensions
				for option := range strings.SplitSeq(row.extensions, "&") {
					name, value, _ := strings.Cut(option, "=")
					extensions[name] = strings.ReplaceAll(value, "%2F", "/")
				}
			}
			call := chat(row.key, row.body)
			call.Method, call.Path = row.method, row.path
			status, headers, response := c.check(call, extensions)
			if status != row.status || headers["x-access-reason"] != row.reason {
				t.Errorf("answered %d %v, want %d %s", status, response, row.status, row.reason)
			}
			v := g.Anonymous().With("X-Api-Key", row.key).Send(row.method, door+row.path, "application/json", strings.NewReader(row.body))
			webtest.Same(t, "status over HTTP", v.StatusCode, status)
			for header, value := range headers {
				if strings.HasPrefix(header, "x-access-") || header == "www-authenticate" {
					webtest.Same(t, header+" over HTTP", v.Header.Get(header), value)
				}
			}
			if status != 200 {
				webtest.Same(t, "body", response.GetDeniedResponse().GetBody(), string(v.Body))
				if removed := response.GetOkResponse().GetHeadersToRemove(); status == 402 && headers["retry-after"] == "" {
					t.Errorf("no word when to come again: %v %v", headers, removed)
				}
			}
		})
	}
}

// A hostile client changes nothing by its headers, and what cannot be read is denied.
func TestHostileChecksOverGRPC(t *testing.T) {
	g := webtest.NewGateway(t)
	c := newChecker(t, g.Console)
	call := chat(g.Key, `{"model":"openai/gpt-4o"}`)
	maps.Copy(call.Headers, map[string]string{"x-access-user-id": "x", "x-access-reservation-id": "x", "x-access-tools": "x", "X-Access-Anything": "x"})
	_, headers, response := c.check(call, nil)
	webtest.Same(t, "user", headers["x-access-user-id"], g.Ada)
	for _, name := range []string{"x-access-reservation-id", "x-access-tools", "x-access-line", "x-access-anything"} {
		if !slices.Contains(response.GetOkResponse().GetHeadersToRemove(), name) {
			t.Errorf("the gateway behind gets %s from the client", name)
		}
	}
	raw := chat("", "")
	raw.RawBody = []byte(`{"model":"openai/gpt-4o"}`)
	raw.Headers = nil
	raw.HeaderMap = &core.HeaderMap{Headers: []*core.HeaderValue{
		{Key: "x-api-key", RawValue: []byte(g.Key)}, {Key: "content-type", RawValue: []byte("application/json")},
	}}
	status, _, response := c.check(raw, nil)
	webtest.Same(t, "headers one by one, and a raw body: "+fmt.Sprint(response), status, 200)
	_, other := g.Give(g.Bob, g.Work)
	raw.HeaderMap.Headers = append(raw.HeaderMap.Headers, &core.HeaderValue{Key: "authorization", RawValue: []byte("Bearer " + other)})
	for name, wrong := range map[string]*auth.AttributeContext_HttpRequest{
		"two keys": raw,
		"no call":  nil,
		"no path":  {Method: "GET", Headers: map[string]string{"x-api-key": g.Key}},
		"an address of its own": {
			Method: "GET", Path: "http://127.0.0.1/authz/envoy/v1/models", Headers: map[string]string{"x-api-key": g.Key},
		},
		"a method with a space": {Method: "GET /", Path: "/v1/models", Headers: map[string]string{"x-api-key": g.Key}},
		"a path that leaves":    {Method: "POST", Path: "/../../api/access-profiles", Headers: map[string]string{"x-api-key": g.Key}},
		"another door":          {Method: "POST", Path: "-with/model=openai%2Fgpt-4o/v1/files", Headers: map[string]string{"x-api-key": g.Key}},
		"a part of the body": {
			Method: "POST", Path: "/v1/chat/completions", Body: `{"model":"openai/gpt-4o"}`,
			Headers: map[string]string{"x-api-key": g.Key, "content-type": "application/json", "x-envoy-auth-partial-body": "true"},
		},
	} {
		status, headers, response := c.check(wrong, nil)
		if status < 400 || headers["x-access-reason"] == "" && status != 404 {
			t.Errorf("%s: %d %v", name, status, response)
		}
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string                       { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }

// A check that is no message, is too large or is compressed is denied as well: an error of gRPC would leave it to the
// settings of the proxy.
func TestUnreadableChecksOverGRPC(t *testing.T) {
	g := webtest.NewGateway(t)
	c := newChecker(t, g.Console)
	message := func(more string) []byte {
		call := chat(g.Key, `{"model":"openai/gpt-4o"}`)
		call.Headers["x-more"] = more
		body, err := proto.Marshal(&auth.CheckRequest{Attributes: &auth.AttributeContext{Request: &auth.AttributeContext_Request{Http: call}}})
		g.Must(err)
		return body
	}
	for name, row := range map[string]struct {
		message []byte
		options []grpc.CallOption
		want    int32
	}{
		"as it ought to be":   {message("x"), nil, 0},
		"a text of no UTF-8":  {bytes.Replace(message("zebra"), []byte("zebra"), []byte("zebr\xff"), 1), nil, 403},
		"a part of a message": {message("x")[:20], nil, 403},
		"no protobuf":         {[]byte("\xff\xff"), nil, 403},
		"nothing":             {nil, nil, 403},
		"large":               {message(strings.Repeat("x", 5<<20)), nil, 403},
		"compressed":          {message("x"), []grpc.CallOption{grpc.UseCompressor(gzip.Name)}, 403},
	} {
		response := &auth.CheckResponse{}
		err := c.connection.Invoke(t.Context(), auth.Authorization_Check_FullMethodName, row.message, response, append(row.options, grpc.ForceCodec(rawCodec{}))...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		webtest.Same(t, name, int32(response.GetDeniedResponse().GetStatus().GetCode()), row.want)
		webtest.Same(t, name+" is allowed", response.GetOkResponse() != nil, row.want == 0)
	}
}

// An access token says who calls over gRPC as at the other doors, and one of an unknown subject says nothing.
func TestAccessTokensOverGRPC(t *testing.T) {
	g, op, _ := callers(t)
	c := newChecker(t, g.Console)
	call := func(subject string) (int, map[string]string) {
		sent := chat("", `{"model":"openai/gpt-4o"}`)
		delete(sent.Headers, "x-api-key")
		sent.Headers["authorization"] = "Bearer " + op.AccessToken(subject)
		status, headers, _ := c.check(sent, nil)
		return status, headers
	}
	status, headers := call("ada")
	webtest.Same(t, "user", []any{status, headers["x-access-user-id"]}, []any{200, g.Ada})
	status, headers = call("eve")
	webtest.Same(t, "another subject", []any{status, headers["www-authenticate"]}, []any{401, `Bearer realm="gateway", error="invalid_token"`})
}

// Without the database no call passes, and the console's pages answer over both versions of HTTP.
func TestExtAuthzOverGRPCWithoutDatabase(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	asked, _ := g.Another(address)
	t.Cleanup(w.Restore)
	c := newChecker(t, asked)
	call := func() int {
		status, _, _ := c.check(chat(g.Key, `{"model":"openai/gpt-4o"}`), nil)
		return status
	}
	webtest.Same(t, "status before", call(), 200)
	w.Breaks()
	g.Within(func() bool { return call() == http.StatusServiceUnavailable }, "calls pass without a database")
}
