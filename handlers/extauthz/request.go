package extauthz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// repeat is the request that asks the door for ext_authz about the call that a check describes. The options come from
// the context extensions of the proxy's route, which its client cannot touch.
func repeat(ctx context.Context, attributes *auth.AttributeContext) (*http.Request, error) {
	call := attributes.GetRequest().GetHttp()
	if call == nil {
		return nil, errors.New("it describes no HTTP request, or is compressed, larger than 4 MiB or no UTF-8")
	}
	if !strings.HasPrefix(call.GetPath(), "/") {
		return nil, errors.New("the path of the call does not begin with a slash")
	}
	door := "/authz/envoy"
	if extensions := attributes.GetContextExtensions(); len(extensions) > 0 {
		options := url.Values{}
		for name, value := range extensions {
			options.Set(name, value)
		}
		door = "/authz/envoy-with/" + options.Encode()
	}
	body := call.GetRawBody()
	if len(body) == 0 {
		body = []byte(call.GetBody())
	}
	request, err := http.NewRequestWithContext(ctx, call.GetMethod(), "http://console/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read the method of the call: %w", err)
	}
	if request.URL, err = url.ParseRequestURI(door + call.GetPath()); err != nil {
		return nil, fmt.Errorf("read the path of the call: %w", err)
	}
	request.RequestURI, request.Host = request.URL.RequestURI(), call.GetHost()
	request.Header = headers(call)
	return request, nil
}

// headers are those of the call: as they were sent where the proxy tells them one by one, otherwise joined by name.
func headers(call *auth.AttributeContext_HttpRequest) http.Header {
	header := http.Header{}
	for name, value := range call.GetHeaders() {
		header.Set(name, value)
	}
	for _, one := range call.GetHeaderMap().GetHeaders() {
		value := one.GetValue()
		if raw := one.GetRawValue(); len(raw) > 0 {
			value = string(raw)
		}
		header.Add(one.GetKey(), value)
	}
	for name := range header {
		if strings.HasPrefix(name, ":") {
			delete(header, name)
		}
	}
	return header
}
