package main

import (
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
	"tollgate/models/provision"
	"tollgate/models/refusal"
	"tollgate/models/replica"
	"tollgate/models/report"
	"tollgate/models/schema"
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
	keys, err := keys(s)
	if err != nil {
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
	baseURL := s.BaseURL
	if baseURL == "" {
		baseURL = localURL(listener.Addr())
	}
	cache := access.NewCache(serving, keys, p.log)
	cache.Grace.Most = s.GraceMax
	cache.Follow(db.DB)
	p.preload(ctx, cache)
	refusals := refusal.New(db.DB, p.log, s.RefusalDays)
	engine, recorder := decision.NewEngine(cache, refusals), usage.NewRecorder(serving, cache, p.log)
	recorder.Spool = journal
	propagator, bookkeeper := propagation.NewWorker(db.DB, p.log), ledger.NewReconciler(db.DB, p.log, s.Keep)
	bookkeeper.AuditKey = keys.Audit
	heartbeat, err := schema.NewHeartbeat(db.DB, p.log, version, listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	cache.Grace.Consoles = heartbeat.Consoles
	signIns := signin.NewService(db.DB, keys, baseURL, s.OIDCPrivate)
	cache.Tokens = caller.NewChecker(serving, &signIns.Providers)
	sizes, requests, scimCalls := schema.NewSizes(db.DB, p.log), web.NewRequests(), connection.NewCalls()
	workers := []worker{
		propagator, cache, recorder, bookkeeper, totals.NewWorker(db.DB, p.log), refusals, heartbeat, sizes,
	}
	measured := []prometheus.Collector{
		metrics.PoolMetrics(serving, "tollgate_serving"), cache, engine, recorder, bookkeeper, refusals, heartbeat, sizes,
		requests, signIns, scimCalls,
	}
	if standby != nil {
		workers, measured = append(workers, standby), append(measured, standby, metrics.PoolMetrics(standby.DB, "tollgate_replica"))
	}
	actions := &handlers.Handlers{
		DB: db.DB, Replica: standby, Log: p.log, BaseURL: baseURL, Propagator: propagator, Cache: cache, Engine: engine,
		Recorder: recorder,
		Refusals: refusals,
		Metrics:  metrics.New(db.DB, measured...),
		SignIns:  signIns, SCIMCalls: scimCalls,
		Secure: s.secure(), Keys: keys, MCPPrivate: s.MCPPrivate,
		About: handlers.About{Version: version, Database: db.about, Warning: db.warning, Keep: s.Keep},
	}
	config := web.Config{Addr: listener.Addr().String(), BaseURL: s.BaseURL, Hosts: s.Hosts, Requests: requests}
	handler, err := web.New(config, actions)
	// Without it, another console could remove what this one needs.
	if err := errors.Join(err, heartbeat.Beat(ctx)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &console{
		listener: listener, server: web.Server(s.Addr, handler, p.log), database: db,
		workers: append(workers, provision.NewPurger(db.DB, p.log), report.NewRefresher(db.DB, &actions.Watch, p.log)),
		stop:    actions.Stop, drain: s.Drain, address: baseURL, token: token,
	}, nil
}
