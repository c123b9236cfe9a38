package database

import (
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
	failed atomic.Int64 // when it did not answer, in Unix nanoseconds; 0 for never
}

// fail makes the host the last to be tried. One that hangs would else delay every new connection.
func (h *host) fail() { h.failed.Store(time.Now().UnixNano()) }

// connect tries the hosts in their order, those that failed last at the end.
func (c *connector) connect(ctx context.Context) (*connection, error) {
	order := slices.Clone(c.hosts)
	slices.SortStableFunc(order, func(a, b *host) int { return int(a.failed.Load()/1e6 - b.failed.Load()/1e6) })
	var failures []error
	for _, h := range order {
		conn, err := h.Connect(ctx)
		if err == nil {
			return &connection{Conn: conn.(*stdlib.Conn), host: h, pooler: c.pooler}, nil // pgx makes no others
		}
		failures = append(failures, err)
		if errors.Is(ctx.Err(), context.Canceled) {
			break
		}
		h.fail()
	}
	return nil, errors.Join(failures...)
}
