package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrBlocked says that an address may not be called.
var ErrBlocked = errors.New("this address may not be called")

// Dialer connects only to addresses that may be called. They are checked when they are dialled: a name may resolve to
// any address, and to another one the next time. Private lets it reach loopback and private networks.
func Dialer(private bool, blocked func()) *net.Dialer {
	return &net.Dialer{
		Timeout: 5 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil || !Allowed(target.Addr(), private) {
				blocked()
				return ErrBlocked
			}
			return nil
		},
	}
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

// Allowed checks an address, and the IPv4 address embedded in an IPv6 one.
func Allowed(address netip.Addr, private bool) bool {
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
		return Allowed(netip.AddrFrom4([4]byte(bytes[12:])), private)
	case sixToFour.Contains(address):
		return Allowed(netip.AddrFrom4([4]byte(bytes[2:6])), private)
	}
	return true
}
