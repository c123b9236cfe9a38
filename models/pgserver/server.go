package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// The roles and the database of the private server.
const (
	postgresOwner    = "tollgate_owner"
	postgresRole     = "tollgate"
	postgresDatabase = "tollgate"
	postgresPort     = "5432"
)

const postgresPoll = 10 * time.Millisecond

// Config says where the private server keeps its data.
type Config struct {
	Dir      string            // DefaultDir when empty
	Settings map[string]string // server settings that override the supervisor's own
	Log      *slog.Logger      // nothing is logged when nil
}

// Server is a private server that lives and dies with this process.
// Nothing but a socket in a closed folder leads to it.
type Server struct {
	Socket

	Fresh bool // its folder had no database before

	dir      string
	log      *slog.Logger
	process  *os.Process
	done     chan struct{}
	exit     error // readable once done is closed
	stopping atomic.Bool
	stop     sync.Mutex
}

// Socket leads to a private server.
type Socket struct{ folder string }

// URL is the address of the console's database for a role:
// "tollgate_owner" migrates, "tollgate" serves.
func (s Socket) URL(role string) string {
	return s.database(role, postgresDatabase)
}

func (s Socket) database(role, name string) string {
	return (&url.URL{
		Scheme: "postgres",
		User:   url.User(role),
		Path:   "/" + name,
		RawQuery: url.Values{
			"host":    {s.folder},
			"port":    {postgresPort},
			"sslmode": {"disable"},
		}.Encode(),
	}).String()
}

// DefaultDir is the data folder of the user who runs the console. Root's own
// home is closed to the user that the server runs as, so root gets a system folder.
func DefaultDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/tollgate", nil
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "tollgate"), nil
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local/share/tollgate"), nil
	}
	self, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("find a folder for the database: %w", err)
	}
	return filepath.Join(self.HomeDir, ".local/share/tollgate"), nil
}

// Start starts the private server of a folder, which it fills on first use,
// and returns when the database "tollgate" takes connections. ctx bounds the start only.
func Start(ctx context.Context, config Config) (*Server, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	c, err := openCluster(config)
	if err != nil {
		return nil, err
	}
	server, err := c.start(ctx)
	if err != nil {
		c.lock.Close()
		return nil, fmt.Errorf("start the private database server in %s: %w", c.dir, err)
	}
	if err := server.becomeReady(ctx); err != nil {
		_ = server.Stop(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("start the private database server in %s: %w", c.dir, err)
	}
	return server, nil
}

// start leaves the lock to the server, which gives it up when it ends.
func (c *cluster) start(ctx context.Context) (*Server, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	server := &Server{
		Socket: Socket{c.socket},
		Fresh:  c.fresh,
		dir:    c.dir,
		log:    c.log,
		done:   make(chan struct{}),
	}
	lines := &logLines{write: server.logLine}
	command := c.command("postgres", c.serverArguments()...)
	command.Stderr = lines
	wait, err := startOwned(command)
	if err != nil {
		return nil, err
	}
	server.process = command.Process
	go func() {
		server.exit = <-wait
		if !server.stopping.Load() {
			c.log.Error("the private database server ended", "dir", c.dir, "status", command.ProcessState.String())
		}
		if server.exit != nil && lines.fatal != "" {
			server.exit = fmt.Errorf("%w: %s", server.exit, lines.fatal)
		}
		c.lock.Close()
		close(server.done)
	}()
	return server, nil
}

// becomeReady watches the file that the server keeps for this purpose: trial
// connections would fill its log with refusals.
func (p *Server) becomeReady(ctx context.Context) error {
	tick := time.NewTicker(postgresPoll)
	defer tick.Stop()
	for {
		postmaster := readPostmaster(filepath.Join(p.dir, "data"))
		if postmaster.ready && postmaster.pid == p.process.Pid {
			if err := createDatabase(ctx, p.Socket); !isStartingUp(err) {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("the server ended: %w", p.exit)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isStartingUp reports whether a server refused a connection because it is recovering still, as after a kill.
func isStartingUp(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "57P03"
}

// Dir is the data folder.
func (p *Server) Dir() string { return p.dir }

// Done is closed when the server has ended, asked to or not.
func (p *Server) Done() <-chan struct{} { return p.done }

// Stop ends the server: politely, then without its clean-up, then by force. In each case
// the folder is free and the data safe afterwards; an end that was not clean is an error.
// The end of ctx only cuts the polite part short.
func (p *Server) Stop(ctx context.Context) error {
	p.stop.Lock()
	defer p.stop.Unlock()
	p.stopping.Store(true)
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
		hurry    <-chan struct{}
	}{
		{syscall.SIGINT, 3 * time.Second, ctx.Done()},
		{syscall.SIGQUIT, time.Second, nil},
	} {
		if isClosed(p.done) {
			return p.exit
		}
		// An error means that it ended in this very moment.
		_ = p.process.Signal(step.signal)
		select {
		case <-p.done:
		case <-step.hurry:
		case <-time.After(step.patience):
		}
	}
	if !isClosed(p.done) {
		_ = p.process.Kill()
		<-p.done
	}
	return p.exit
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// logLine passes on what the server says. While it stops, it calls each connection
// that it ends or turns away fatal, which is no news.
func (p *Server) logLine(line string) {
	level := slog.LevelDebug
	expected := p.stopping.Load() && (strings.Contains(line, "terminating connection") ||
		strings.Contains(line, "the database system is shutting down"))
	if isFatal(line) && !expected {
		level = slog.LevelError
	}
	p.log.Log(context.Background(), level, line, "from", "postgres")
}

func isFatal(line string) bool {
	return strings.HasPrefix(line, "FATAL:") || strings.HasPrefix(line, "PANIC:")
}

// logLines cuts a stream into lines and remembers the last fatal one.
type logLines struct {
	write func(line string)
	rest  []byte
	fatal string
}

func (l *logLines) Write(chunk []byte) (int, error) {
	l.rest = append(l.rest, chunk...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(chunk), nil
		}
		l.rest = rest
		text := strings.TrimSpace(string(line))
		if isFatal(text) {
			l.fatal = text
		}
		l.write(text)
	}
}
