package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

var (
	errBlocked   = errors.New("this address may not be called")
	errRedirect  = errors.New("redirects are not followed")
	errOverlarge = errors.New("the answer is too long")
)

// newOutboundCall makes a client whose requests all end with ctx and pass the checks of an outbound call, also those
// that the protocol's library makes by itself.
func newOutboundCall(ctx context.Context, cancel context.CancelFunc, request Request) *outboundCall {
	o := &outboundCall{ctx: ctx, cancel: cancel, request: request, descriptions: map[string]string{}}
	o.left.Store(discoveryBytes)
	// The address is checked when it is dialled: a name may resolve to any address, and to another one the next time.
	dialer := &net.Dialer{
		Timeout: 5 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil || !allowed(target.Addr(), request.Private) {
				o.blocked.Store(true)
				return errBlocked
			}
			return nil
		},
	}
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

var (
	// blockedNetworks are never called: this host, link-local, multicast, reserved, obsolete translations, and where
	// clouds keep credentials.
	blockedNetworks = prefixes(
		"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32", "168.63.129.16/32", "::/128",
		"fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128", "2001::/32", "64:ff9b:1::/48",
		"::ffff:0:0:0/96",
	)
	// privateNetworks are called when the setting allows it.
	privateNetworks = prefixes(
		"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15",
		"::1/128", "fc00::/7",
	)
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	compatible = netip.MustParsePrefix("::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func within(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// allowed checks an address, and the IPv4 address embedded in an IPv6 one.
func allowed(address netip.Addr, private bool) bool {
	address = address.Unmap().WithZone("")
	switch {
	case within(blockedNetworks, address):
		return false
	case within(privateNetworks, address):
		return private
	}
	bytes := address.As16()
	switch {
	case nat64.Contains(address), compatible.Contains(address):
		return allowed(netip.AddrFrom4([4]byte(bytes[12:])), private)
	case sixToFour.Contains(address):
		return allowed(netip.AddrFrom4([4]byte(bytes[2:6])), private)
	}
	return true
}
