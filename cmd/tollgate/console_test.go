package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

const adminPassword = "correct horse battery"

// stopTime is what the console and its server have to end in together.
const stopTime = 10 * time.Second

func TestFirstStart(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c := start(t, inFolder(dir))

	want := regexp.MustCompile(`\ATollgate v0\.0\.0-test listens on (127\.0\.0\.1:\d+)\.
  Database  private PostgreSQL in ` + regexp.QuoteMeta(dir) + `
  API       (http://127\.0\.0\.1:\d+)/api/access-profiles
  Open      (http://127\.0\.0\.1:\d+/first-run\?token=[A-Za-z0-9_-]{43}) \(makes the first administrator, once\)
  Stop      Ctrl-C\z`)
	found := want.FindStringSubmatch(strings.Join(c.banner, "\n"))
	if found == nil {
		t.Fatalf("announced %q", c.banner)
	}
	if status, _ := c.get(t, found[3], ""); status != http.StatusOK {
		t.Errorf("the link answers %d", status)
	}
	secret, err := os.Stat(filepath.Join(dir, "secret"))
	if err != nil || secret.Mode().Perm() != 0o600 {
		t.Errorf("the secret: %v, %v", secret, err)
	}
	// An administrator made beside the console ends the first run.
	must(t, inFolder(dir), "cafe\u0301 horse battery", "user", "create", "--email", "ada@example.com", "--role", "Admin")
	if status, _ := c.get(t, c.address+"/api/access-profiles", "ada@example.com:caf\u00e9 horse battery"); status != http.StatusOK {
		t.Errorf("the administrator gets %d", status)
	}
	if status, _ := c.get(t, found[3], ""); status == http.StatusOK {
		t.Error("the link still works beside an administrator")
	}
}

func TestAdministratorFromTheEnvironment(t *testing.T) {
	t.Parallel()
	environment := append(inFolder(dataFolder(t)), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD=cafe\u0301 horse battery", "TOLLGATE_LOG=text")
	for round := range 2 {
		c := start(t, environment)
		if open := c.banner[3]; !strings.HasSuffix(open, c.address+"/ (the console)") {
			t.Errorf("round %d: %q", round, open)
		}
		if status, _ := c.get(t, c.address+"/api/access-profiles", "ada@example.com:caf\u00e9 horse battery"); status != http.StatusOK {
			t.Errorf("round %d: the administrator gets %d", round, status)
		}
		if code := c.signal(t, syscall.SIGINT); code != exitOK {
			t.Errorf("round %d: exit code %d", round, code)
		}
	}
}

func TestCommandsBesideAConsole(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c := start(t, inFolder(dir))
	checkCommands(t, dir)

	key := must(t, inFolder(dir), "", "api-key", "create", "--name", "everything")
	if !regexp.MustCompile(`\A\S{40,}\n\z`).MatchString(key) {
		t.Errorf("a new key is printed as %q", key)
	}
	status, list := c.get(t, c.address+"/api/access-profiles", strings.TrimSpace(key))
	var page struct {
		TotalCount int `json:"total_count"`
	}
	if err := json.Unmarshal(list, &page); err != nil || status != http.StatusOK || page.TotalCount < 12 {
		t.Errorf("the key gets %d %s: %v", status, list, err)
	}
	providers := must(t, inFolder(dir), "", "api-key", "create", "--name", "providers", "--scopes", "Providers:View, Providers:Create")
	if status, _ := c.get(t, c.address+"/api/access-profiles", strings.TrimSpace(providers)); status != http.StatusForbidden {
		t.Errorf("a key for providers gets %d from the profiles", status)
	}
	if len(serverProcesses(t, dir)) == 0 {
		t.Error("a command ended the console's server")
	}
}

func TestCommandsWithoutAConsole(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	checkCommands(t, dir)
	if left := serverProcesses(t, dir); left != nil {
		t.Errorf("left running: %v", left)
	}
	// Keys made now work in a console started later.
	key := must(t, inFolder(dir), "", "api-key", "create", "--name", "everything")
	c := start(t, inFolder(dir))
	if status, _ := c.get(t, c.address+"/api/access-profiles", strings.TrimSpace(key)); status != http.StatusOK {
		t.Errorf("the key gets %d", status)
	}
}

func checkCommands(t *testing.T, dir string) {
	t.Helper()
	for _, test := range []struct {
		stdin     string
		arguments []string
		code      int
		said      string
	}{
		{"", []string{"migrate"}, exitOK, "up to date"},
		{"", []string{"seed"}, exitOK, "in place"},
		{"", []string{"seed"}, exitOK, "in place"},
		{adminPassword + "\r\n", []string{"user", "create", "--email", "ada@example.com", "--role", "Admin", "--name", "Ada"}, exitOK, "Admin"},
		{adminPassword, []string{"user", "create", "--email", "Ada@example.com", "--role", "Admin"}, exitFailure, "another email"},
		{adminPassword, []string{"user", "create", "--email", "grace@example.com", "--role", "Captain"}, exitFailure, "role"},
		{"", []string{"user", "break-glass", "Ada@example.com"}, exitOK, "ada@example.com is a break-glass admin"},
		{"", []string{"user", "break-glass", "--off", "ada@example.com"}, exitOK, "ada@example.com is not a break-glass admin"},
		{"", []string{"user", "break-glass", "nobody@example.com"}, exitFailure, "no such user"},
		{"", []string{"user", "break-glass"}, exitUsage, "the email address of one user"},
		{"", []string{"sso", "off"}, exitOK, "Passwords are accepted"},
		{"", []string{"api-key", "create", "--name", "nothing", "--scopes", "Everything:Do"}, exitFailure, "scope"},
		{"", []string{"audit", "verify"}, exitOK, "rows of the audit log fit"},
	} {
		r := do(t, inFolder(dir), test.stdin, test.arguments...)
		if r.code != test.code || !strings.Contains(r.stdout+r.stderr, test.said) {
			t.Errorf("tollgate %s: exit code %d, printed %q, said %q", strings.Join(test.arguments, " "), r.code, r.stdout, r.stderr)
		}
	}
}

func TestSecondConsoleIsRefused(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c := start(t, inFolder(dir))
	r := do(t, inFolder(dir), "")
	if holder := fmt.Sprintf("process %d", c.process.Pid); r.code != exitFailure || r.stdout != "" ||
		!strings.Contains(r.stderr, dir) || !strings.Contains(r.stderr, holder) {
		t.Errorf("exit code %d, printed %q, said %q", r.code, r.stdout, r.stderr)
	}
	if status, _ := c.get(t, c.address+"/readyz", ""); status != http.StatusOK {
		t.Errorf("the first console answers %d", status)
	}
}

func TestTakenAddress(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	r := do(t, append(inFolder(dir), "TOLLGATE_ADDR="+takenAddress(t)), "")
	if r.code != exitFailure || r.stdout != "" || !strings.Contains(r.stderr, "TOLLGATE_ADDR") {
		t.Errorf("exit code %d, printed %q, said %q", r.code, r.stdout, r.stderr)
	}
	if left := serverProcesses(t, dir); left != nil {
		t.Errorf("left running: %v", left)
	}
}

func TestTermEndsConsoleAndServer(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	c := start(t, inFolder(dir))
	key := strings.TrimSpace(must(t, inFolder(dir), "", "api-key", "create", "--name", "test"))
	slow := startPost(t, c, key)

	if err := c.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the console takes no more connections", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.address, "http://"))
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	if answer := slow(); !strings.HasPrefix(answer, "HTTP/1.1 201 ") {
		t.Errorf("the request under way got %q", answer)
	}
	if code := c.end(t, stopTime); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, c.log)
	}
	if left := serverProcesses(t, dir); left != nil {
		t.Errorf("left running: %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, "data/postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the server was not shut down cleanly: %v", err)
	}
}

// startPost sends half a request; what it returns sends the rest and reads the first line of the answer.
func startPost(t *testing.T, c *instance, key string) func() string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	const first, rest = `{"name": "Under way`, `"}`
	_, err = fmt.Fprintf(conn, "POST /api/access-profiles HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", strings.TrimPrefix(c.address, "http://"), key, len(first)+len(rest))
	if err != nil {
		t.Fatal(err)
	}
	// The console asks for the body when it has begun with the request.
	const proceed = "HTTP/1.1 100 Continue\r\n\r\n"
	answer := make([]byte, len(proceed))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != proceed {
		t.Fatalf("the console says %q: %v", answer, err)
	}
	io.WriteString(conn, first)
	return func() string {
		io.WriteString(conn, rest)
		answer, err := io.ReadAll(conn)
		line, _, _ := strings.Cut(string(answer), "\r\n")
		if err != nil {
			line += err.Error()
		}
		return line
	}
}

func TestGivenDatabase(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	value := "TOLLGATE_SECRET=" + secret.NewSecret()
	for _, test := range []struct {
		name        string
		environment []string
		warning     string
	}{
		{"two roles", []string{"DATABASE_URL=" + serving, "TOLLGATE_MIGRATE_URL=" + owner}, ""},
		{"a role that may not migrate, after the owner has", []string{"DATABASE_URL=" + serving}, ""},
		{"a superuser", []string{"DATABASE_URL=" + owner}, "superuser"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			environment := append(inFolder(dir), append(test.environment, value)...)
			c := start(t, environment)
			if database := c.banner[1]; !strings.Contains(database, "PostgreSQL at ") || strings.Contains(database, "private") {
				t.Errorf("announced %q", database)
			}
			warned := strings.Contains(c.log.String(), "level=WARN")
			if warned != (test.warning != "") || !strings.Contains(c.log.String(), test.warning) {
				t.Errorf("logged:\n%s", c.log)
			}
			key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", test.name))
			if status, _ := c.get(t, c.address+"/api/access-profiles", key); status != http.StatusOK {
				t.Errorf("the key gets %d", status)
			}
			if code := c.signal(t, syscall.SIGTERM); code != exitOK {
				t.Errorf("exit code %d", code)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("a data folder was made beside a given database")
			}
		})
	}
}

// The command names the row that was tampered with, also one that is no JSON any more.
func TestAuditVerifyNamesTheRow(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_SECRET="+secret.NewSecret())
	for range 3 {
		must(t, environment, "", "api-key", "create", "--name", rand.Text())
	}
	db, err := database.Open(owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, damage := range []string{"new_values || ' '", "'{'"} {
		var row int64
		if err := db.QueryRow("UPDATE audit_logs SET new_values = " + damage + " WHERE id = (SELECT max(id) - 1 FROM audit_logs) RETURNING id").Scan(&row); err != nil {
			t.Fatal(err)
		}
		if r := do(t, environment, "", "audit", "verify"); r.code != exitFailure || !strings.Contains(r.stderr, fmt.Sprintf("at row %d:", row)) {
			t.Errorf("after %s: exit code %d, said %q", damage, r.code, r.stderr)
		}
	}
}

// Two consoles that meet on an empty database both serve it.
func TestConsolesStartAtOnce(t *testing.T) {
	t.Parallel()
	serving, owner := emptyDatabase(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	for range 2 {
		t.Run("console", func(t *testing.T) {
			t.Parallel()
			start(t, environment)
		})
	}
}

// emptyDatabase is one that was not migrated.
func emptyDatabase(t *testing.T) (serving, owner string) {
	t.Helper()
	addresses := [2]string{}
	addresses[0], addresses[1] = dbtest.URLs(t)
	db := opened(t, addresses[1])
	var name string
	if err := db.QueryRow("SELECT current_database() || '_empty'").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	for i, address := range addresses {
		parts, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		parts.Path = "/" + name
		addresses[i] = parts.String()
	}
	return addresses[0], addresses[1]
}

// get asks with a key, with email:password, or without a credential.
func (c *instance) get(t *testing.T, address, credential string) (status int, body []byte) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		status, body = c.ask(t, http.MethodGet, address, credential, "")
		if !putOff(status, body) || time.Now().After(end) {
			return status, body
		}
		<-time.After(100 * time.Millisecond)
	}
}

// putOff reports whether a console or its database was too busy to answer.
func putOff(status int, answer []byte) bool {
	return status == http.StatusServiceUnavailable && strings.Contains(string(answer), `"retry_later"`)
}

func (c *instance) ask(t *testing.T, method, address, credential, body string) (status int, answer []byte) {
	t.Helper()
	status, answer, err := c.try(t, method, address, credential, body)
	if err != nil {
		t.Fatalf("%v\n%s", err, c.log)
	}
	return status, answer
}

// try is ask for a console that may be gone.
func (c *instance) try(t *testing.T, method, address, credential, body string) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if email, password, basic := strings.Cut(credential, ":"); basic {
		request.SetBasicAuth(email, password)
	} else if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}
