package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
	"github.com/urfave/cli/v3"

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
	"tollgate/static"
	"tollgate/web"
)

// drainTime is how long running requests get to finish. The private server needs up to four seconds more, and stopping
// the console should not take longer than ten after TOLLGATE_DRAIN.
const drainTime = 5 * time.Second

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the console (also without a command)",
		Action: func(ctx context.Context, command *cli.Command) error {
			err := p.serve(ctx, command)
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil // asked to stop while it was starting
			}
			return err
		},
	}
}

func (p *program) serve(ctx context.Context, command *cli.Command) (err error) {
	s, err := p.settings(command)
	if err != nil {
		return err
	}
	if err := checkSecretGiven(s); err != nil {
		return err
	}
	if err := static.Check(); err != nil {
		return err
	}
	db, err := p.serveDatabase(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(context.WithoutCancel(ctx))) }()
	db.SetMaxOpenConns(pageConnections)
	db.SetMaxIdleConns(pageConnections)
	serving, err := database.OpenPool(db.url, database.Pool{Connections: servingConnections, Pooler: s.Pooler})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, serving.Close()) }()
	standby, err := openReplica(s, db, p.log)
	if err != nil {
		return err
	}
	if standby != nil {
		defer func() { err = errors.Join(err, standby.DB.Close()) }()
	}
	journal, err := openSpool(s)
	if err != nil {
		return err
	}
	if journal != nil {
		defer func() { err = errors.Join(err, journal.Close()) }()
	}
	console, err := p.newConsole(ctx, s, db, serving, standby, journal)
	if err != nil {
		return err
	}
	p.announce(console)
	untouched := make([]byte, headroom)
	defer runtime.KeepAlive(untouched)
	return console.serve(ctx)
}

// headroom is counted by the garbage collector and never touched, so that it takes no memory. A console with a small
// heap would collect many times a second under load, since the heap may only double in between; this lets it grow by
// as much more.
const headroom = 24 << 20

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
		About: handlers.About{Version: version, Database: db.about, Warning: db.warning},
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

// preloadTime is how long a console that starts reads keys in bulk before it is ready; it reads the rest beside
// requests.
const preloadTime = 30 * time.Second

func (p *program) preload(ctx context.Context, cache *access.Cache) {
	ctx, cancel := context.WithTimeout(ctx, preloadTime)
	defer cancel()
	if err := cache.Preload(ctx); err != nil {
		p.log.Warn("not all keys are in memory yet", "error", err.Error())
	}
	if cache.KeysInMemory() > manyKeys {
		debug.SetGCPercent(garbageBesideMany)
	}
}

// Beside very many keys, which stay, garbage may take half of their memory instead of as much again.
const (
	manyKeys          = 200_000
	garbageBesideMany = 50
)

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err == nil {
		return listener, nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("TOLLGATE_ADDR: another program listens on %s already", addr)
	}
	return nil, settingError{"TOLLGATE_ADDR", err.Error()}
}

// localURL is how a browser on this machine reaches a listener.
func localURL(listening net.Addr) string {
	addr, ok := listening.(*net.TCPAddr)
	if ok && addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", addr.Port)
	}
	return "http://" + listening.String()
}

// serve returns when ctx and the running requests have ended, or when the console cannot continue.
func (c *console) serve(ctx context.Context) error {
	// The workers end after the requests that need them. What they have begun is resumed by another console, or after
	// the next start.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	var workers sync.WaitGroup
	defer workers.Wait()
	defer stop()
	for _, w := range c.workers {
		workers.Go(func() { w.Run(working) })
	}
	served := make(chan error, 1)
	go func() { served <- c.server.Serve(c.listener) }()
	ended := errors.New("the private database server ended by itself; start the console again, it recovers")
	var reason error
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-c.database.Ended():
		reason = ended
	case <-ctx.Done():
		c.stop()
		select {
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-c.database.Ended():
			reason = ended
		case <-time.After(c.drain):
		}
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := c.server.Shutdown(draining); err != nil {
		return errors.Join(reason, c.server.Close())
	}
	return reason
}

// announce logs where the console runs and what to open.
func (p *program) announce(c *console) {
	open, why := c.address+"/", "the console"
	if c.token != "" {
		open, why = c.address+"/first-run?token="+c.token, "makes the first administrator, once"
	}
	listens := c.listener.Addr().String()
	if p.jsonLog {
		p.log.Info("ready", "version", version, "addr", listens, "open", open, "opens", why, "database", c.database.about)
		return
	}
	fmt.Fprintf(p.stdout, `Tollgate %s listens on %s.
  Database  %s
  API       %s/api/access-profiles
  Open      %s (%s)
  Stop      Ctrl-C
`, version, listens, c.database.about, c.address, open, why)
}
