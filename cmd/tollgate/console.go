package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"tollgate/handlers"
	"tollgate/models/access"
	"tollgate/models/caller"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/ledger"
	"tollgate/models/metrics"
	"tollgate/models/propagation"
	"tollgate/models/purge"
	"tollgate/models/refusal"
	"tollgate/models/replica"
	"tollgate/models/report"
	"tollgate/models/schema"
	"tollgate/models/secret"
	"tollgate/models/signin"
	"tollgate/models/spool"
	"tollgate/models/totals"
	"tollgate/models/usage"
	"tollgate/web"
)

// console is everything that is ready to serve.
type console struct {
	listener net.Listener
	server   *http.Server
	database *db
	workers  []worker
	stop     func() // tells balancers that the listener is about to close
	drain    time.Duration
	address  string // what users open
	token    string // makes the first administrator; "" when there is one
}

// worker runs beside the requests until its context ends.
type worker interface{ Run(context.Context) }

// Connections of a console, twelve in all. Decisions and the counting of usage have a pool of their own, so that they
// never wait behind pages, reports, exports and background work. A replica gets some more.
const (
	servingConnections = 6
	pageConnections    = 6
	replicaConnections = 4
)

// openReplica opens the standby that answers reports and lists; nil when none is set. It may be away.
func openReplica(s settings, db *db, log *slog.Logger) (*replica.Replica, error) {
	if s.ReplicaURL == "" {
		return nil, nil
	}
	pool, err := database.OpenPool(s.ReplicaURL, database.Pool{
		Connections: replicaConnections, Pooler: s.Pooler, Standby: true,
	})
	if err != nil {
		return nil, err
	}
	return replica.New(pool, db.DB, log), nil
}

// openSpool opens the folder that keeps usage while the database is away; nil when none is set.
func openSpool(s settings) (*spool.Spool, error) {
	if s.Spool == "" {
		return nil, nil
	}
	journal, err := spool.Open(s.Spool)
	if err != nil {
		return nil, settingError{"TOLLGATE_SPOOL", err.Error()}
	}
	return journal, nil
}

func (p *program) newConsole(
	ctx context.Context, s settings, db *db, serving *bun.DB, standby *replica.Replica, journal *spool.Spool,
) (*console, error) {
	keys, err := p.keysFor(ctx, s, db)
	if err != nil {
		return nil, err
	}
	if err := p.warnOfRefusedKeys(ctx, db, keys); err != nil {
		return nil, err
	}
	token, err := p.firstRun(ctx, s, db)
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, s.Addr)
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	heartbeat, err := schema.NewHeartbeat(db.DB, p.log, version, address, keys.Check)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	actions := p.newActions(s, db, serving, keys, cmp.Or(s.BaseURL, localURL(listener.Addr())))
	actions.Replica, actions.Recorder.Spool, actions.Cache.Grace.Consoles = standby, journal, heartbeat.Consoles
	p.preload(ctx, actions.Cache)
	requests := web.NewRequests()
	workers, measured := p.newWorkers(s, db, actions)
	actions.Metrics = metrics.New(db.DB, append(measured, heartbeat, requests, metrics.PoolMetrics(serving, "tollgate_serving"))...)
	handler, err := web.New(web.Config{
		Addr: address, BaseURL: s.BaseURL, Hosts: s.Hosts, Proxies: s.Proxies, Requests: requests,
	}, actions)
	if err := errors.Join(err, secretProblem(heartbeat.Begin(ctx))); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &console{
		listener: listener, server: web.Server(s.Addr, handler, p.log), database: db, workers: append(workers, heartbeat),
		stop: actions.Stop, drain: s.Drain, address: actions.BaseURL, token: token,
	}, nil
}

// newActions makes what answers requests.
func (p *program) newActions(s settings, db *db, serving *bun.DB, keys secret.Keys, baseURL string) *handlers.Handlers {
	signIns := signin.NewService(db.DB, keys, baseURL, s.OIDCPrivate)
	cache := access.NewCache(serving, keys, p.log)
	cache.Preloaded = collectMore
	cache.Grace.Most, cache.Tokens = s.GraceMax, caller.NewChecker(serving, &signIns.Providers)
	cache.Follow(db.DB)
	refusals := refusal.New(db.DB, p.log, s.RefusalDays)
	return &handlers.Handlers{
		DB: db.DB, Log: p.log, BaseURL: baseURL, Secure: s.secure(), Keys: keys, MCPPrivate: s.MCPPrivate,
		Cache: cache, Refusals: refusals, Engine: decision.NewEngine(cache, refusals),
		Recorder: usage.NewRecorder(serving, cache, p.log), Propagator: propagation.NewWorker(db.DB, p.log),
		SignIns: signIns, SCIMCalls: connection.NewCalls(),
		About: handlers.About{Version: version, Database: db.about, Warnings: db.warnings, Keep: s.Keep},
	}
}

// newWorkers are what runs beside the actions, and what of both is measured.
func (p *program) newWorkers(s settings, db *db, h *handlers.Handlers) ([]worker, []prometheus.Collector) {
	bookkeeper, sizes := ledger.NewReconciler(db.DB, p.log, s.Keep), schema.NewSizes(db.DB, p.log)
	bookkeeper.AuditKey = h.Keys.Audit
	workers := []worker{
		h.Propagator, h.Cache, h.Recorder, h.Refusals, bookkeeper, sizes, totals.NewWorker(db.DB, p.log),
		purge.NewWorker(db.DB, p.log), report.NewRefresher(db.DB, &h.Watch, p.log),
	}
	measured := []prometheus.Collector{
		h.Cache, h.Engine, h.Recorder, h.Refusals, h.SignIns, h.SCIMCalls, bookkeeper, sizes,
	}
	if h.Replica != nil {
		workers = append(workers, h.Replica)
		measured = append(measured, h.Replica, metrics.PoolMetrics(h.Replica.DB, "tollgate_replica"))
	}
	return workers, measured
}
