package discovery

import (
	"context"
	"net/netip"
	"testing"

	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/outbound"
)

func TestMayCall(t *testing.T) {
	const never, private, always = "never", "private", "always"
	for address, want := range map[string]string{
		"8.8.8.8": always, "1.1.1.1": always, "2606:4700:4700::1111": always, "172.32.0.1": always, "172.15.255.255": always,
		"100.63.255.255": always, "100.128.0.1": always, "11.0.0.1": always, "192.167.0.1": always, "169.253.0.1": always,

		"127.0.0.1": private, "127.255.255.254": private, "10.0.0.1": private, "10.255.255.255": private, "172.16.0.1": private,
		"172.31.255.255": private, "192.168.1.1": private, "100.64.0.1": private, "100.127.255.255": private, "192.0.0.192": private,
		"198.19.0.1": private, "::1": private, "fc00::1": private, "fdff::1": private,

		"169.254.169.254": never, "169.254.0.1": never, "169.254.170.2": never, "0.0.0.0": never, "0.1.2.3": never, "224.0.0.1": never,
		"239.255.255.255": never, "255.255.255.255": never, "240.0.0.1": never, "100.100.100.200": never, "168.63.129.16": never,
		"::": never, "fe80::1": never, "fe80::1%eth0": never, "febf::1": never, "fec0::1": never, "feff::1": never, "ff02::1": never,
		"fd00:ec2::254": never, "fd20:ce::254": never,

		// The same, written in IPv6.
		"::ffff:8.8.8.8": always, "::ffff:127.0.0.1": private, "::ffff:7f00:1": private, "::ffff:10.1.2.3": private,
		"::ffff:169.254.169.254": never, "::ffff:a9fe:a9fe": never, "::ffff:0.0.0.0": never,
		"64:ff9b::8.8.8.8": always, "64:ff9b::10.0.0.1": private, "64:ff9b::169.254.169.254": never, "64:ff9b:1::1": never,
		"2002:808:808::1": always, "2002:7f00:1::1": private, "2002:a9fe:a9fe::1": never, "2001:0:1::1": never,
		"::127.0.0.1": private, "::169.254.169.254": never, "::ffff:0:127.0.0.1": never,
	} {
		got := never
		switch {
		case outbound.Allowed(netip.MustParseAddr(address), false):
			got = always
		case outbound.Allowed(netip.MustParseAddr(address), true):
			got = private
		}
		if got != want {
			t.Errorf("%s may be called %s, want %s", address, got, want)
		}
	}
}

// A proxy of the environment would dial for us, past the check. It is read once a process, so a test cannot set one.
func TestOutboundCallsUseNoProxy(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	call := newOutboundCall(ctx, cancel, Request{Private: true})
	defer call.end()
	if call.transport.Proxy != nil || call.client.Transport != call {
		t.Error("requests may leave by another way")
	}
}

func TestIsServerURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://mcp.example.com/mcp": true, "http://localhost:3000": true, "HTTPS://mcp.example.com": true, "http://[::1]:8080/mcp?a=b": true,
		"https://mcp.example.com:65535/": true, "https://münchen.example/mcp": true,
		"": false, "mcp.example.com": false, "//mcp.example.com": false, "ftp://example.com": false, "file:///etc/passwd": false,
		"javascript:alert(1)": false, "https://": false, "https:///mcp": false, "https://:443/": false, "https://user:pw@example.com/": false,
		"https://user@example.com/": false, "https://example.com/#top": false, "https://example.com/a b": false, "http://example.com:0/": false,
		"http://example.com:65536/": false, "http://example.com:http/": false, "http://exa mple.com/": false, `http://example.com\@evil/`: false,
		"gopher://127.0.0.1:6379/_": false, "unix:///run/pg.sock": false, "https:example.com": false, "http://[::1": false, "http://%zz/": false,
	} {
		if got := mcptool.IsServerURL(address); got != want {
			t.Errorf("isServerURL(%q) = %v", address, got)
		}
	}
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"GitHub": "github", "Jira Cloud (EU)": "jira-cloud-eu", "Größe": "grosse", "Café é": "cafe-e", "--a__b--": "a-b", "日本": "server", "!": "server",
		"0abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789": "0abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrs",
	} {
		got := mcptool.Slug(name)
		if got != want || !input.Identifier.MatchString(got) {
			t.Errorf("slug(%q) = %q, want %q", name, got, want)
		}
	}
}
