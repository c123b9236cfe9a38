package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tollgate/models/database"
	"tollgate/models/ledger"
	"tollgate/models/password"
	"tollgate/models/pgserver"
	"tollgate/models/policy"
)

// settings are what the command line and the environment choose, checked.
type settings struct {
	Addr                      string
	DataDir                   string
	BaseURL                   string   // no slash at its end; "" when users open Addr
	Hosts                     []string // further host names that are answered
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
		text("database-url", "DATABASE_URL", "use the PostgreSQL at `URL` instead of a private one"),
		text("replica-url", "TOLLGATE_REPLICA_URL", "read reports and lists from the standby at `URL` while it is less than 10 s behind"),
		text("migrate-url", "TOLLGATE_MIGRATE_URL", "the same database at `URL` as the owner of its tables"),
		yes("database-pooler", "TOLLGATE_DATABASE_POOLER", "DATABASE_URL leads to a pooler in transaction mode"),
		yes("mcp-private", "TOLLGATE_MCP_PRIVATE", "let MCP discovery reach private addresses; on with the private database"),
		yes("oidc-private", "TOLLGATE_OIDC_PRIVATE", "let identity providers be on private addresses; on with the private database"),
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

// choices reads settings: the command line wins over the environment, and an empty variable counts as not set.
type choices struct {
	typed  *cli.Command
	getenv func(string) string
}

func (c choices) text(flag, variable string) string {
	if c.typed.IsSet(flag) {
		return c.typed.String(flag)
	}
	return c.getenv(variable)
}

func (c choices) yes(flag, variable string, unset bool) (bool, error) {
	if c.typed.IsSet(flag) {
		return c.typed.Bool(flag), nil
	}
	value := c.getenv(variable)
	if value == "" {
		return unset, nil
	}
	chosen, err := strconv.ParseBool(value)
	if err != nil {
		return false, settingError{variable, fmt.Sprintf("%q is neither 1 nor 0", value)}
	}
	return chosen, nil
}

// mostDays is the longest that something can be kept for.
const mostDays = 400

func (c choices) days(flag, variable string, unset int) (int, error) {
	value := c.text(flag, variable)
	if value == "" {
		return unset, nil
	}
	days, err := strconv.Atoi(value)
	if err != nil || days < 1 || days > mostDays {
		return 0, settingError{variable, fmt.Sprintf("%q is not a number of days from 1 to %d", value, mostDays)}
	}
	return days, nil
}

// mostKept is a hundred years.
const mostKept = 36_500

// kept is for how many days something is kept: a number, also with a unit as in 90d.
func (c choices) kept(flag, variable string, unset int) (int, error) {
	value := c.text(flag, variable)
	if value == "" {
		return unset, nil
	}
	days, err := strconv.Atoi(strings.TrimSuffix(value, "d"))
	if err != nil || days < ledger.LeastKept || days > mostKept {
		return 0, settingError{variable, fmt.Sprintf("%q is not a number of days from %d to %d", value, ledger.LeastKept, mostKept)}
	}
	return days, nil
}

// keep is for how long usage and the audit log are kept.
func (c choices) keep() (keep ledger.Keep, err error) {
	if keep.Events, err = c.kept("keep-events", "TOLLGATE_KEEP_EVENTS", ledger.DefaultKeep.Events); err != nil {
		return keep, err
	}
	if keep.Days, err = c.kept("keep-days", "TOLLGATE_KEEP_DAYS", ledger.DefaultKeep.Days); err != nil {
		return keep, err
	}
	if keep.Audit, err = c.kept("keep-audit", "TOLLGATE_KEEP_AUDIT", ledger.DefaultKeep.Audit); err != nil {
		return keep, err
	}
	keep.Archive = c.text("archive", "TOLLGATE_ARCHIVE")
	if found, err := os.Stat(keep.Archive); keep.Archive != "" && (err != nil || !found.IsDir()) {
		return keep, settingError{"TOLLGATE_ARCHIVE", fmt.Sprintf("%q is not a folder", keep.Archive)}
	}
	keep.Windows, err = c.kept("keep-windows", "TOLLGATE_KEEP_WINDOWS", ledger.DefaultKeep.Windows)
	return keep, err
}

// seconds is a number of seconds, also with a unit as in 1500ms.
func (c choices) seconds(flag, variable string, unset, most time.Duration) (time.Duration, error) {
	value := c.text(flag, variable)
	if value == "" {
		return unset, nil
	}
	chosen, err := time.ParseDuration(value)
	if seconds, number := strconv.ParseUint(value, 10, 16); number == nil {
		chosen, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || chosen < 0 || chosen > most {
		return 0, settingError{variable, fmt.Sprintf("%q is not a number of seconds from 0 to %.0f", value, most.Seconds())}
	}
	return chosen, nil
}

// settings reads and checks all settings and starts the log.
func (p *program) settings(typed *cli.Command) (settings, error) {
	c := choices{typed, p.getenv}
	s := settings{
		Addr:          c.text("addr", "TOLLGATE_ADDR"),
		DataDir:       c.text("data-dir", "TOLLGATE_DATA_DIR"),
		BaseURL:       strings.TrimSuffix(c.text("base-url", "TOLLGATE_BASE_URL"), "/"),
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
	for name := range strings.SplitSeq(c.text("hosts", "TOLLGATE_HOSTS"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			s.Hosts = append(s.Hosts, name)
		}
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
		s.checkBaseURL, s.checkHosts, s.checkAddr, s.checkDatabase, s.checkSecret, s.checkAdmin,
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

// checkAddr keeps passwords and keys from crossing a network in the clear.
func (s settings) checkAddr() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return settingError{"TOLLGATE_ADDR", fmt.Sprintf("%q is not an address to listen on, such as 127.0.0.1:8080", s.Addr)}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return settingError{"TOLLGATE_ADDR", fmt.Sprintf("the port %q is not a number from 0 to 65535", port)}
	}
	if isLoopback(host) || s.secure() || s.insecureHTTP {
		return nil
	}
	return settingError{"TOLLGATE_ADDR", fmt.Sprintf("%s is reached from other machines: put https in front and name it in TOLLGATE_BASE_URL, "+
		"or set TOLLGATE_INSECURE_HTTP=1", s.Addr)}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s settings) checkBaseURL() error {
	if s.BaseURL == "" {
		return nil
	}
	base, err := url.Parse(s.BaseURL)
	switch {
	case err != nil, base.Scheme != "http" && base.Scheme != "https", base.Hostname() == "":
		return settingError{"TOLLGATE_BASE_URL", "give an address such as https://tollgate.example.com"}
	case base.User != nil, base.Path != "", base.RawQuery != "", base.Fragment != "":
		return settingError{"TOLLGATE_BASE_URL", "give the scheme and the host alone, such as https://tollgate.example.com"}
	}
	return nil
}

func (s settings) checkHosts() error {
	for _, name := range s.Hosts {
		if host, err := url.Parse("http://" + name); err != nil || host.Host != name || host.Hostname() == "" ||
			strings.ContainsAny(name, "*@ ") {
			return settingError{"TOLLGATE_HOSTS", fmt.Sprintf("%q is not a host name", name)}
		}
	}
	return nil
}

func (s settings) checkDatabase() error {
	beside := []struct{ name, url string }{
		{"TOLLGATE_MIGRATE_URL", s.MigrateURL}, {"TOLLGATE_REPLICA_URL", s.ReplicaURL},
	}
	if s.private() {
		for _, setting := range beside {
			if setting.url != "" {
				return settingError{setting.name, "is of use only beside DATABASE_URL, which is not set"}
			}
		}
		if s.Pooler {
			return settingError{"TOLLGATE_DATABASE_POOLER", "is of use only beside DATABASE_URL, which is not set"}
		}
		return nil
	}
	err := checkDatabaseURL("DATABASE_URL", s.DatabaseURL)
	for _, setting := range beside {
		if err == nil && setting.url != "" {
			err = checkDatabaseURL(setting.name, setting.url)
		}
	}
	return err
}

// checkDatabaseURL never repeats the address, which may contain a password.
func checkDatabaseURL(name, value string) error {
	wrong := settingError{name, "give an address such as postgres://user:password@host:5432/tollgate"}
	if address, err := url.Parse(value); err != nil || address.Scheme != "postgres" && address.Scheme != "postgresql" {
		return wrong
	}
	db, err := database.Open(value)
	if err != nil {
		return wrong
	}
	return db.Close()
}

func (s settings) checkSecret() error {
	if s.Secret == "" {
		return nil
	}
	_, err := parseSecret(s.Secret)
	return err
}

func (s settings) checkAdmin() error {
	length := len(password.Form(s.AdminPassword))
	switch {
	case s.AdminEmail == "" && s.AdminPassword == "":
		return nil
	case s.AdminEmail == "":
		return settingError{"TOLLGATE_ADMIN_EMAIL", "set it together with TOLLGATE_ADMIN_PASSWORD, or neither"}
	case s.AdminPassword == "":
		return settingError{"TOLLGATE_ADMIN_PASSWORD", "set it together with TOLLGATE_ADMIN_EMAIL, or neither"}
	case length < minPassword || length > maxPassword:
		return settingError{
			"TOLLGATE_ADMIN_PASSWORD",
			fmt.Sprintf("choose %d to 1,024 bytes; this one has %d", minPassword, length),
		}
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
