package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"tollgate/models/outbound"
)

const (
	answerBytes  = 1 << 20
	answerWithin = 10 * time.Second
)

var (
	errRedirect  = errors.New("redirects are not followed")
	errOverlarge = errors.New("the answer is too long")
	errPlain     = errors.New("providers are called by https, or on this machine")
)

// newClient makes a client for requests to providers: without redirects, only to addresses that may be called, by https
// but on this machine, and with limits of time and size.
func newClient(private bool) *http.Client {
	transport := &http.Transport{
		Proxy: nil, DialContext: outbound.Dialer(private, func() {}).DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute,
	}
	return &http.Client{
		Transport: bounded{transport}, Timeout: answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}
}

// bounded limits the size of answers.
type bounded struct{ transport http.RoundTripper }

// RoundTrip sends a request of the library or of this package.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if !isSafe(r.URL) {
		return nil, errPlain
	}
	response, err := b.transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("call the provider: %w", err)
	}
	response.Body = &boundedBody{response.Body, answerBytes}
	return response, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errOverlarge
	}
	return n, err
}

// isSafe reports whether an address is called by https, or is on this machine.
func isSafe(address *url.URL) bool {
	if address.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(address.Hostname())
	return address.Scheme == "http" && (address.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// with lets the library use the client.
func with(ctx context.Context, client *http.Client) context.Context {
	return oidc.ClientContext(ctx, client)
}

// isAway reports whether a request failed because the provider did not answer, so that trying later may help.
func isAway(err error) bool {
	var network net.Error
	return errors.As(err, &network) && !errors.Is(err, outbound.ErrBlocked) && !errors.Is(err, errRedirect) &&
		!errors.Is(err, errPlain) && !errors.Is(err, errOverlarge)
}
