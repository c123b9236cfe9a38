package database

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"tollgate/models/problem"
)

// server is one of the servers that an address names, with the ways to speak to it: with TLS, or without.
type server struct {
	host string
	port uint16
	ways []*tls.Config
}

// hostsOf are the servers of an address, in its order.
func hostsOf(config *pgx.ConnConfig) []server {
	servers := []server{{config.Host, config.Port, []*tls.Config{config.TLSConfig}}}
	for _, next := range config.Fallbacks {
		last := &servers[len(servers)-1]
		if last.host == next.Host && last.port == next.Port {
			last.ways = append(last.ways, next.TLSConfig)
			continue
		}
		servers = append(servers, server{next.Host, next.Port, []*tls.Config{next.TLSConfig}})
	}
	return servers
}

// of is a configuration for this server alone.
func (s server) of(config pgx.ConnConfig) pgx.ConnConfig {
	config.Host, config.Port, config.TLSConfig, config.Fallbacks = s.host, s.port, s.ways[0], nil
	for _, way := range s.ways[1:] {
		config.Fallbacks = append(config.Fallbacks, &pgconn.FallbackConfig{Host: s.host, Port: s.port, TLSConfig: way})
	}
	return config
}

// host makes connections to one server.
type host struct {
	driver.Connector
	failed atomic.Int64 // when it gave no connection, in Unix nanoseconds; 0 for never
	silent atomic.Bool  // then it did not answer; a standby does
}

// fail makes the host the last to be tried. One that hangs would else delay every new connection.
func (h *host) fail() {
	h.silent.Store(true)
	h.failed.Store(time.Now().UnixNano())
}

// compareHosts orders those that do not answer behind all others, and those that failed last behind those before.
func compareHosts(a, b *host) int {
	if silent := a.silent.Load(); silent != b.silent.Load() {
		if silent {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.failed.Load(), b.failed.Load())
}

// connect tries the hosts in their order, those that failed at the end. Without time left, the others have not failed.
func (c *connector) connect(ctx context.Context) (*connection, error) {
	order := slices.Clone(c.hosts)
	slices.SortStableFunc(order, compareHosts)
	var failures []error
	for _, h := range order {
		conn, err := h.Connect(ctx)
		if err == nil {
			h.silent.Store(false)
			return &connection{Conn: conn.(*stdlib.Conn), host: h, pooler: c.pooler}, nil // pgx makes no others
		}
		failures = append(failures, err)
		if errors.Is(ctx.Err(), context.Canceled) {
			break
		}
		h.fail()
		var standby problem.StandbyError
		h.silent.Store(!errors.As(err, &standby))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}
