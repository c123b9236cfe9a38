package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tollgate/models/pgserver"
)

const (
	adminEmail    = "admin@bench.example"
	adminPassword = "benchmark password" //nolint:gosec // of a database that lives for minutes
	clients       = 16
	small         = 100   // profiles of the small console
	grown         = 5_000 // profiles there when more are created
	ownerRole     = "tollgate_owner"
	servingRole   = "tollgate"
)

// bench is one run: the servers under load and what was found.
type bench struct {
	options
	dir     string
	out     io.Writer
	running []*process // in the order in which they were started
	console console
	socket  pgserver.Socket
	group   int64
	sample  []byte // a profile as the console answered it
	filled  filled
	gateway *gateway // opened by the first that needs it
	lines   []line
}

// console is a running console and what opens it.
type console struct {
	*process
	environment []string
	key, cookie string
}

func (b *bench) stop() error {
	var errs []error
	for i := len(b.running) - 1; i >= 0; i-- {
		errs = append(errs, b.running[i].stop())
	}
	b.running = nil
	return errors.Join(errs...)
}

func (b *bench) measure(ctx context.Context) error {
	if err := b.startConsole(ctx); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		ids     string
		measure func(context.Context) error
	}{
		{"P2 P3 P1", b.measurePairs},
		{"P10", b.measureLarge},
		{"P4", b.countStatements},
		{"P6", b.measurePropagation},
		{"P7w", b.measureWarmUp},
		{"P7", b.measureDecisions},
		{"P8", b.measureReservations},
		{"P9", b.measureUsage},
		{"P9", b.measureStored},
		{"Usage", b.measureUsagePage},
		{"P11 P12 P14", b.measureCompany},
		{"P13", b.measureLog},
	} {
		wanted := false
		for id := range strings.FieldsSeq(step.ids) {
			wanted = wanted || b.wanted(id)
		}
		if !wanted {
			continue
		}
		if err := step.measure(ctx); err != nil {
			return errors.Join(err, report(b.out, b.lines))
		}
	}
	return report(b.out, b.lines)
}

// add records a figure and prints it at once.
func (b *bench) add(l line) {
	b.lines = append(b.lines, l)
	fmt.Fprintln(os.Stderr, l.id, l.what+":", l.ours, l.other, l.ratio, l.verdict)
}

// environ is this process's environment without what would lead a console elsewhere.
func environ(more ...string) []string {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "TOLLGATE_") || name == "DATABASE_URL" {
			more = append(more, name+"=")
		}
	}
	return more
}

// secret is the one of every console here.
func value() string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("bench secret ", 4)))
}

// startConsole starts the console on an empty folder, then once more, and records how long each took.
func (b *bench) startConsole(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	b.console.environment = append(environ(), "TOLLGATE_DATA_DIR="+filepath.Join(b.dir, "data"), "TOLLGATE_ADDR="+addr,
		"TOLLGATE_SECRET="+value(),
		"TOLLGATE_ADMIN_EMAIL="+adminEmail, "TOLLGATE_ADMIN_PASSWORD="+adminPassword)
	for _, ready := range []struct {
		what string
		most time.Duration
	}{{"ready on an empty folder", 5 * time.Second}, {"ready, warm", time.Second}} {
		if err := b.stop(); err != nil {
			return err
		}
		begin := time.Now()
		b.console.process, err = start(ctx, b.dir, "console", addr, "/readyz", b.console.environment, b.options.console,
			"serve")
		if err != nil {
			return err
		}
		b.running = append(b.running, b.console.process)
		took := time.Since(begin)
		b.add(line{
			id: "P5", what: ready.what, ours: brief(took), bar: "≤ " + ready.most.String(),
			verdict: atMost(ready.most.Seconds()).verdict(took.Seconds()),
		})
	}
	return b.weigh()
}

// weigh records the console's size in memory and on disk.
func (b *bench) weigh() error {
	time.Sleep(2 * time.Second) // nothing is happening now: that is what is measured
	resident, err := b.console.resident()
	if err != nil {
		return err
	}
	program, err := os.Stat(b.options.console)
	if err != nil {
		return err
	}
	for _, weight := range []struct {
		what        string
		bytes, most int64
	}{{"resident when idle, without PostgreSQL", resident, 64 << 20}, {"size of the program", program.Size(), 40 << 20}} {
		b.add(line{
			id: "P5", what: weight.what, ours: fmt.Sprintf("%d MB", weight.bytes>>20),
			bar:     fmt.Sprintf("≤ %d MB", weight.most>>20),
			verdict: atMost(float64(weight.most)).verdict(float64(weight.bytes)),
		})
	}
	return nil
}

// prepare opens the console and fills it with the sample catalogue and the small number of profiles.
func (b *bench) prepare(ctx context.Context) error {
	var err error
	if b.socket, err = pgserver.Join(ctx, filepath.Join(b.dir, "data")); err != nil {
		return err
	}
	if err := b.console.open(ctx, b.options.console); err != nil {
		return err
	}
	if b.group, err = aToolGroup(ctx, b.socket.URL(servingRole)); err != nil {
		return err
	}
	if b.sample, err = b.console.sample(ctx, b.group); err != nil {
		return err
	}
	b.filled = filled{url: b.socket.URL(ownerRole), document: b.sample}
	return b.filled.to(ctx, small)
}

// open gets the credentials of the API and of the pages, and the sample catalogue.
func (c *console) open(ctx context.Context, program string) error {
	key, err := c.run(ctx, program, "api-key", "create", "--name", "bench")
	if err != nil {
		return err
	}
	c.key = strings.TrimSpace(key)
	if _, err := c.run(ctx, program, "seed"); err != nil {
		return err
	}
	form := url.Values{"email": {adminEmail}, "password": {adminPassword}}.Encode()
	_, header, err := target{
		method: http.MethodPost, url: c.url + "/login", status: http.StatusSeeOther,
		body:   func() []byte { return []byte(form) },
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}.once(ctx)
	if err != nil {
		return err
	}
	for _, cookie := range (&http.Response{Header: header}).Cookies() {
		if strings.HasSuffix(cookie.Name, "session") {
			c.cookie = cookie.Name + "=" + cookie.Value
			return nil
		}
	}
	return errors.New("signing in set no session cookie")
}

// run runs a command of the console beside it and returns what it printed.
func (c *console) run(ctx context.Context, program string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), c.environment...)
	printed, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("tollgate %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(printed), err
}

// sample creates a profile and returns it alone.
func (c *console) sample(ctx context.Context, group int64) ([]byte, error) {
	answer, _, err := c.creating(group).once(ctx)
	if err != nil {
		return nil, err
	}
	var created struct {
		Profile json.RawMessage `json:"access_profile"`
	}
	err = json.Unmarshal(answer, &created)
	return created.Profile, err
}

func aToolGroup(ctx context.Context, url string) (id int64, err error) {
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer db.Close(ctx)
	err = db.QueryRow(ctx, "SELECT id FROM tool_groups WHERE name_key = 'code review'").Scan(&id)
	return id, err
}
