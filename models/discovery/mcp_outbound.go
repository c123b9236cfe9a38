package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"tollgate/models/outbound"
)

var (
	errRedirect  = errors.New("redirects are not followed")
	errOverlarge = errors.New("the answer is too long")
)

// newOutboundCall makes a client whose requests all end with ctx and pass the checks of an outbound call, also those
// that the protocol's library makes by itself.
func newOutboundCall(ctx context.Context, cancel context.CancelFunc, request Request) *outboundCall {
	o := &outboundCall{ctx: ctx, cancel: cancel, request: request, descriptions: map[string]string{}}
	o.left.Store(discoveryBytes)
	// The address is checked when it is dialled: a name may resolve to any address, and to another one the next time.
	dialer := outbound.Dialer(request.Private, func() { o.blocked.Store(true) })
	o.transport = &http.Transport{
		Proxy: nil, DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	o.client = &http.Client{Transport: o, CheckRedirect: func(*http.Request, []*http.Request) error {
		o.redirected.Store(true)
		return errRedirect
	}}
	return o
}

func (o *outboundCall) end() {
	o.cancel()
	o.transport.CloseIdleConnections()
}

// RoundTrip sends a request that ends with the call, and meters its answer.
func (o *outboundCall) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(o.ctx, cancel)
	response, err := o.transport.RoundTrip(o.authenticated(r.Clone(ctx)))
	if err != nil {
		stop()
		cancel()
		return nil, fmt.Errorf("call the MCP server: %w", err)
	}
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		o.denied.Store(true)
	}
	response.Body = &meteredBody{ReadCloser: response.Body, call: o, done: func() { stop(); cancel() }}
	if err := o.cleanAnswer(response); err != nil {
		_ = response.Body.Close()
		return nil, fmt.Errorf("read what the MCP server answered: %w", err)
	}
	return response, nil
}

// authenticated adds the credential to a request for the very address that it was entered for.
func (o *outboundCall) authenticated(r *http.Request) *http.Request {
	if c := o.request.Credential; c != nil {
		r.Header.Del(c.Header)
		if address, err := url.Parse(o.request.Address); err == nil && *address == *r.URL {
			r.Header.Set(c.Header, c.Value)
		}
	}
	return r
}

// meteredBody ends the whole call once its answers exceed their common size limit.
type meteredBody struct {
	io.ReadCloser
	call *outboundCall
	done func()
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.call.left.Add(-int64(n)) < 0 {
		b.call.overlarge.Store(true)
		b.call.cancel()
		return 0, errOverlarge
	}
	return n, err
}

func (b *meteredBody) Close() error {
	b.done()
	return b.ReadCloser.Close()
}
