package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tollgate/models/ledger"
	"tollgate/models/pgserver"
	"tollgate/models/policy"
)

// settings are what the command line and the environment choose, checked.
type settings struct {
	Addr                      string
	DataDir                   string
	BaseURL                   string   // no slash at its end; "" when users open Addr
	Hosts                     []string // further host names that are answered
	Proxies                   []string // addresses and networks of proxies whose X-Forwarded-For is believed
	DatabaseURL               string   // "" for the private server
	ReplicaURL                string   // of a standby that answers reports and lists; "" for none
	MigrateURL                string   // signs in as the owner of the tables; "" when one role does both
	Secret                    string   // "" when none is set
	MCPPrivate, OIDCPrivate   bool
	Pooler                    bool          // one in between changes sessions with each transaction
	RefusalDays               int           // how long refused calls are kept
	Spool                     string        // the folder that keeps usage while the database is away; "" for none
	GraceMax                  time.Duration // for which calls may be allowed from memory
	Keep                      ledger.Keep
	Drain                     time.Duration // between the order to stop and the end of the listener
	AdminEmail, AdminPassword string

	migration    migration
	logFormat    string
	insecureHTTP bool
}

// private reports whether the program runs a database server of its own.
func (s settings) private() bool { return s.DatabaseURL == "" }

// secure reports whether users reach the console by https.
func (s settings) secure() bool { return strings.HasPrefix(s.BaseURL, "https://") }

// settingError is a setting that has to be changed before the program can start.
type settingError struct{ Name, Problem string }

func (e settingError) Error() string { return e.Name + ": " + e.Problem }

func settingFlags() []cli.Flag {
	text := func(name, variable, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, Usage: usage + " [$" + variable + "]"}
	}
	yes := func(name, variable, usage string) cli.Flag {
		return &cli.BoolFlag{Name: name, Usage: usage + " [$" + variable + "]"}
	}
	return []cli.Flag{
		text("addr", "TOLLGATE_ADDR", "listen on `HOST:PORT`; 127.0.0.1:8080 when not set"),
		text("data-dir", "TOLLGATE_DATA_DIR", "keep the private database in `FOLDER`"),
		text("base-url", "TOLLGATE_BASE_URL", "the `ADDRESS` that users open, when the console is behind a proxy"),
		text("hosts", "TOLLGATE_HOSTS", "further host `NAMES` to answer to, with commas between"),
		text("trusted-proxies", "TOLLGATE_TRUSTED_PROXIES", "believe the X-Forwarded-For of proxies at these `ADDRESSES` or "+
			"networks, with commas between"),
		text("database-url", "DATABASE_URL", "use the PostgreSQL at `URL` instead of a private one"),
		text("replica-url", "TOLLGATE_REPLICA_URL", "read reports and lists from the standby at `URL` while it is less than 10 s behind"),
		text("migrate-url", "TOLLGATE_MIGRATE_URL", "the same database at `URL` as the owner of its tables"),
		yes("database-pooler", "TOLLGATE_DATABASE_POOLER", "DATABASE_URL leads to a pooler in transaction mode"),
		yes("mcp-private", "TOLLGATE_MCP_PRIVATE", "let MCP discovery reach private addresses; on with the private database"),
		yes("oidc-private", "TOLLGATE_OIDC_PRIVATE", "let identity providers be on private addresses; "+
			"on with the private database"),
		text("log", "TOLLGATE_LOG", "log as `FORMAT` json or text"),
		text("drain", "TOLLGATE_DRAIN", "when stopping, answer for `SECONDS` more while /readyz says 503, 0 to 60; 3 when not set"),
		text("grace-max", "TOLLGATE_GRACE_MAX", "while the database is away, allow calls from memory for `SECONDS` at most, "+
			"where profiles want it, 0 to 300; 60 when not set"),
		text("spool", "TOLLGATE_SPOOL", "while the database is away, keep reported usage in `FOLDER`; off when not set"),
		text("refusal-days", "TOLLGATE_REFUSAL_DAYS", "keep refused calls for `DAYS`, 1 to 400; 30 when not set"),
		text("keep-events", "TOLLGATE_KEEP_EVENTS", "keep usage events for `DAYS`, 36 or more; 90 when not set"),
		text("archive", "TOLLGATE_ARCHIVE", "archive events and audit rows in `FOLDER` before they are dropped"),
		text("keep-days", "TOLLGATE_KEEP_DAYS", "keep the sums of each day for `DAYS`, 36 or more; 800 when not set"),
		text("keep-windows", "TOLLGATE_KEEP_WINDOWS", "keep counters for `DAYS` after their window, 36 or more; 400 when not set"),
		text("keep-audit", "TOLLGATE_KEEP_AUDIT", "keep the audit log for `DAYS`, 36 or more; forever when not set"),
		yes("insecure-http", "TOLLGATE_INSECURE_HTTP", "listen beyond this machine without https"),
	}
}

// settings reads and checks all settings and starts the log.
func (p *program) settings(typed *cli.Command) (settings, error) {
	c := choices{typed, p.getenv}
	s := settings{
		Addr:          c.text("addr", "TOLLGATE_ADDR"),
		DataDir:       c.text("data-dir", "TOLLGATE_DATA_DIR"),
		BaseURL:       strings.TrimSuffix(c.text("base-url", "TOLLGATE_BASE_URL"), "/"),
		Hosts:         c.list("hosts", "TOLLGATE_HOSTS"),
		Proxies:       c.list("trusted-proxies", "TOLLGATE_TRUSTED_PROXIES"),
		DatabaseURL:   c.text("database-url", "DATABASE_URL"),
		ReplicaURL:    c.text("replica-url", "TOLLGATE_REPLICA_URL"),
		Spool:         c.text("spool", "TOLLGATE_SPOOL"),
		MigrateURL:    c.text("migrate-url", "TOLLGATE_MIGRATE_URL"),
		Secret:        p.getenv("TOLLGATE_SECRET"),
		AdminEmail:    p.getenv("TOLLGATE_ADMIN_EMAIL"),
		AdminPassword: p.getenv("TOLLGATE_ADMIN_PASSWORD"),
		logFormat:     c.text("log", "TOLLGATE_LOG"),
	}
	if s.Addr == "" {
		s.Addr = "127.0.0.1:8080"
	}
	if err := p.startLog(s.logFormat); err != nil {
		return s, err
	}
	var err error
	if s.MCPPrivate, err = c.yes("mcp-private", "TOLLGATE_MCP_PRIVATE", s.private()); err != nil {
		return s, err
	}
	if s.OIDCPrivate, err = c.yes("oidc-private", "TOLLGATE_OIDC_PRIVATE", s.private()); err != nil {
		return s, err
	}
	if s.Pooler, err = c.yes("database-pooler", "TOLLGATE_DATABASE_POOLER", false); err != nil {
		return s, err
	}
	if s.insecureHTTP, err = c.yes("insecure-http", "TOLLGATE_INSECURE_HTTP", false); err != nil {
		return s, err
	}
	if s.RefusalDays, err = c.days("refusal-days", "TOLLGATE_REFUSAL_DAYS", 30); err != nil {
		return s, err
	}
	if s.Keep, err = c.keep(); err != nil {
		return s, err
	}
	if s.Drain, err = c.seconds("drain", "TOLLGATE_DRAIN", 3*time.Second, time.Minute); err != nil {
		return s, err
	}
	s.GraceMax, err = c.seconds("grace-max", "TOLLGATE_GRACE_MAX", time.Minute, policy.MaxFailOpen*time.Second)
	if err != nil {
		return s, err
	}
	for _, check := range []func() error{
		s.checkBaseURL, s.checkHosts, s.checkProxies, s.checkAddr, s.checkDatabase, s.checkSecret, s.checkAdmin,
	} {
		if err := check(); err != nil {
			return s, err
		}
	}
	s.DataDir, err = dataDir(s.DataDir)
	return s, err
}

func (p *program) startLog(format string) error {
	switch format {
	case "", "text":
		p.log = slog.New(slog.NewTextHandler(p.stderr, nil))
	case "json":
		p.log, p.jsonLog = slog.New(slog.NewJSONHandler(p.stderr, nil)), true
	default:
		return settingError{"TOLLGATE_LOG", fmt.Sprintf("%q is neither json nor text", format)}
	}
	return nil
}

func dataDir(chosen string) (string, error) {
	var err error
	if chosen == "" {
		chosen, err = pgserver.DefaultDir()
	} else {
		chosen, err = filepath.Abs(chosen)
	}
	if err != nil {
		return "", settingError{"TOLLGATE_DATA_DIR", err.Error()}
	}
	return chosen, nil
}
