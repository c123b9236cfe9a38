package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"tollgate/models/access"
	"tollgate/models/database"
	"tollgate/static"
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

// preloadTime is how long a console that starts reads keys in bulk before it is ready; it reads the rest beside
// requests.
const preloadTime = 30 * time.Second

func (p *program) preload(ctx context.Context, cache *access.Cache) {
	ctx, cancel := context.WithTimeout(ctx, preloadTime)
	defer cancel()
	if err := cache.Preload(ctx); err != nil {
		p.log.Warn("not all keys are in memory yet", "error", err.Error())
	}
	collectMore(cache.KeysInMemory())
}

// collectMore bounds the garbage beside very many keys.
func collectMore(keys int) {
	if keys > manyKeys {
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
