// Package gateway answers those that run calls: decisions and reservations, the usage that gateways report, the checks
// of proxies (Envoy, nginx, Traefik, Caddy), OpenID AuthZEN, and what is left of a quota.
//
// These routes are called all the time, so they read what they need from the cache of entitlements and write no page
// but the one of the quota. A proxy passes on what its client sent: nothing in it counts unless the proxy vouches for
// it.
package gateway

import (
	"log/slog"

	"github.com/uptrace/bun"

	"tollgate/models/access"
	"tollgate/models/decision"
	"tollgate/models/secret"
	"tollgate/models/usage"
)

// Gateway holds what its actions need.
type Gateway struct {
	DB      *bun.DB
	Log     *slog.Logger
	BaseURL string // for the metadata of AuthZEN
	Keys    secret.Keys
	// Engine decides, and Recorder counts what is reported.
	Engine   *decision.Engine
	Recorder *usage.Recorder
	// Cache is what decisions go by; a change of counters is told to it.
	Cache *access.Cache
}
