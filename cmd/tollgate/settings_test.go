package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// The address is taken, so a program that listened before it has checked everything would say so.
func takenAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	value := secret.NewSecret()
	serving, owner := dbtest.URLs(t)
	someoneElse := strings.Replace(serving, "tollgate@", "stranger@", 1)
	elsewhere := strings.Replace(serving, "/test_", "/no_test_", 1)
	careless := careless(t)
	long := strings.Repeat("x", 1025)

	for _, test := range []struct {
		name, setting string
		environment   map[string]string
		arguments     []string
	}{
		{"an address without a port", "TOLLGATE_ADDR", map[string]string{"TOLLGATE_ADDR": "localhost"}, nil},
		{"a port by name", "TOLLGATE_ADDR", map[string]string{"TOLLGATE_ADDR": "127.0.0.1:http"}, nil},
		{"a port too high", "TOLLGATE_ADDR", map[string]string{"TOLLGATE_ADDR": "127.0.0.1:65536"}, nil},
		{"every interface", "TOLLGATE_ADDR", map[string]string{"TOLLGATE_ADDR": "0.0.0.0:8080"}, nil},
		{"every interface, unnamed", "TOLLGATE_ADDR", map[string]string{"TOLLGATE_ADDR": ":8080"}, nil},
		{"every interface behind http", "TOLLGATE_ADDR", map[string]string{"TOLLGATE_ADDR": "[::]:8080", "TOLLGATE_BASE_URL": "http://console.example"}, nil},
		{"a network address typed", "TOLLGATE_ADDR", nil, []string{"--addr", "192.0.2.1:8080"}},
		{"a name as the base", "TOLLGATE_BASE_URL", map[string]string{"TOLLGATE_BASE_URL": "console.example"}, nil},
		{"another scheme as the base", "TOLLGATE_BASE_URL", map[string]string{"TOLLGATE_BASE_URL": "ftp://console.example"}, nil},
		{"a base with a path", "TOLLGATE_BASE_URL", map[string]string{"TOLLGATE_BASE_URL": "https://console.example/tollgate"}, nil},
		{"a base with a user", "TOLLGATE_BASE_URL", map[string]string{"TOLLGATE_BASE_URL": "https://zq9:zq9@console.example"}, nil},
		{"a host pattern", "TOLLGATE_HOSTS", map[string]string{"TOLLGATE_HOSTS": "console.example, *.example"}, nil},
		{"a host with a scheme", "TOLLGATE_HOSTS", map[string]string{"TOLLGATE_HOSTS": "https://console.example"}, nil},
		{"a proxy by name", "TOLLGATE_TRUSTED_PROXIES", map[string]string{"TOLLGATE_TRUSTED_PROXIES": "10.0.0.7, proxy.example"}, nil},
		{"a proxy with a port", "TOLLGATE_TRUSTED_PROXIES", nil, []string{"--trusted-proxies", "10.0.0.7:8080"}},
		{"a proxy on a link", "TOLLGATE_TRUSTED_PROXIES", nil, []string{"--trusted-proxies", "fe80::1%eth0"}},
		{"a network too small", "TOLLGATE_TRUSTED_PROXIES", nil, []string{"--trusted-proxies", "10.0.0.0/33"}},
		{"all proxies", "TOLLGATE_TRUSTED_PROXIES", map[string]string{"TOLLGATE_TRUSTED_PROXIES": "::/0"}, nil},
		{"another database", "DATABASE_URL", map[string]string{"DATABASE_URL": "mysql://tollgate:zq9@db.example/tollgate"}, nil},
		{"a database port that is none", "DATABASE_URL", map[string]string{"DATABASE_URL": "postgres://tollgate:zq9@db.example:port/tollgate"}, nil},
		{"a parameter the driver refuses", "DATABASE_URL", map[string]string{"DATABASE_URL": "postgres://tollgate:zq9@db.example/tollgate?sslmode=maybe"}, nil},
		{"an owner without a database", "TOLLGATE_MIGRATE_URL", map[string]string{"TOLLGATE_MIGRATE_URL": owner}, nil},
		{"an owner that is no address", "TOLLGATE_MIGRATE_URL", map[string]string{"DATABASE_URL": serving, "TOLLGATE_MIGRATE_URL": "zq9"}, nil},
		{"a replica of the private database", "TOLLGATE_REPLICA_URL", map[string]string{"TOLLGATE_REPLICA_URL": serving}, nil},
		{"a replica that is no address", "TOLLGATE_REPLICA_URL", map[string]string{"DATABASE_URL": serving, "TOLLGATE_REPLICA_URL": "zq9"}, nil},
		{"no secret beside a given database", "TOLLGATE_SECRET", map[string]string{"DATABASE_URL": serving}, nil},
		{"a short secret", "TOLLGATE_SECRET", map[string]string{"TOLLGATE_SECRET": "enE5enE5enE5"}, nil},
		{"a secret that is not base64", "TOLLGATE_SECRET", map[string]string{"TOLLGATE_SECRET": strings.Repeat("zq9 ", 16)}, nil},
		{"neither on nor off", "TOLLGATE_MCP_PRIVATE", map[string]string{"TOLLGATE_MCP_PRIVATE": "maybe"}, nil},
		{"refusals kept for a time without a number", "TOLLGATE_REFUSAL_DAYS", map[string]string{"TOLLGATE_REFUSAL_DAYS": "a month"}, nil},
		{"refusals kept for no day", "TOLLGATE_REFUSAL_DAYS", map[string]string{"TOLLGATE_REFUSAL_DAYS": "0"}, nil},
		{"events kept for less than their ids are known", "TOLLGATE_KEEP_EVENTS", map[string]string{"TOLLGATE_KEEP_EVENTS": "35d"}, nil},
		{"an archive that is no folder", "TOLLGATE_ARCHIVE", map[string]string{"TOLLGATE_ARCHIVE": "/dev/null"}, nil},
		{"sums of days kept for weeks", "TOLLGATE_KEEP_DAYS", map[string]string{"TOLLGATE_KEEP_DAYS": "100w"}, nil},
		{"an audit log kept for too short", "TOLLGATE_KEEP_AUDIT", map[string]string{"TOLLGATE_KEEP_AUDIT": "35d"}, nil},
		{"counters kept for ever", "TOLLGATE_KEEP_WINDOWS", nil, []string{"--keep-windows", "forever"}},
		{"refusals kept too long", "TOLLGATE_REFUSAL_DAYS", nil, []string{"--refusal-days", "401"}},
		{"a pooler before the private database", "TOLLGATE_DATABASE_POOLER", map[string]string{"TOLLGATE_DATABASE_POOLER": "1"}, nil},
		{"a grace of an hour", "TOLLGATE_GRACE_MAX", map[string]string{"TOLLGATE_GRACE_MAX": "301"}, nil},
		{"a grace that is no time", "TOLLGATE_GRACE_MAX", nil, []string{"--grace-max", "long"}},
		{"a spool that is no folder", "TOLLGATE_SPOOL", map[string]string{"DATABASE_URL": serving, "TOLLGATE_SECRET": value, "TOLLGATE_SPOOL": "/dev/null/spool"}, nil},
		{"a drain of an hour", "TOLLGATE_DRAIN", map[string]string{"TOLLGATE_DRAIN": "1h"}, nil},
		{"a drain that is no time", "TOLLGATE_DRAIN", nil, []string{"--drain", "soon"}},
		{"half insecure", "TOLLGATE_INSECURE_HTTP", map[string]string{"TOLLGATE_INSECURE_HTTP": "2"}, nil},
		{"an unknown log format", "TOLLGATE_LOG", map[string]string{"TOLLGATE_LOG": "xml"}, nil},
		{"an unknown log format typed", "TOLLGATE_LOG", map[string]string{"TOLLGATE_LOG": "json"}, []string{"--log", "xml"}},
		{"an administrator without a password", "TOLLGATE_ADMIN_PASSWORD", map[string]string{"TOLLGATE_ADMIN_EMAIL": "ada@example.com"}, nil},
		{"a password without an administrator", "TOLLGATE_ADMIN_EMAIL", map[string]string{"TOLLGATE_ADMIN_PASSWORD": "long enough zq9"}, nil},
		{"a short password", "TOLLGATE_ADMIN_PASSWORD", map[string]string{"TOLLGATE_ADMIN_EMAIL": "ada@example.com", "TOLLGATE_ADMIN_PASSWORD": "zq9"}, nil},
		{"a long password", "TOLLGATE_ADMIN_PASSWORD", map[string]string{"TOLLGATE_ADMIN_EMAIL": "ada@example.com", "TOLLGATE_ADMIN_PASSWORD": long}, nil},
		{"a user that the server does not know", "DATABASE_URL", map[string]string{"DATABASE_URL": someoneElse, "TOLLGATE_SECRET": value}, nil},
		{"a database that the server does not know", "DATABASE_URL", map[string]string{"DATABASE_URL": elsewhere, "TOLLGATE_SECRET": value}, nil},
		{"a server that forgets", "synchronous_commit", map[string]string{"DATABASE_URL": careless, "TOLLGATE_SECRET": value}, nil},
		{"an administrator without an address", "TOLLGATE_ADMIN_EMAIL", map[string]string{
			"DATABASE_URL": serving, "TOLLGATE_SECRET": value, "TOLLGATE_ADMIN_EMAIL": "ada", "TOLLGATE_ADMIN_PASSWORD": "long enough zq9",
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			environment := map[string]string{"TOLLGATE_ADDR": takenAddress(t), "TOLLGATE_DATA_DIR": dir}
			for name, value := range test.environment {
				environment[name] = value
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), func(name string) string { return environment[name] },
				append([]string{"tollgate"}, test.arguments...), strings.NewReader(""), &stdout, &stderr)

			message := stderr.String()
			if code != exitConfig || stdout.Len() != 0 {
				t.Errorf("exit code %d, printed %q", code, stdout.String())
			}
			if strings.Count(message, "\n") != 1 || !strings.Contains(message, test.setting) || strings.Contains(message, "zq9") {
				t.Errorf("said %q, want one line that names %s", message, test.setting)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the data folder was made")
			}
		})
	}
}

// careless is the address of a database that confirms before it has written.
func careless(t *testing.T) string {
	t.Helper()
	serving, owner := dbtest.URLs(t)
	db, err := database.Open(owner)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$"); err != nil {
		t.Fatal(err)
	}
	return serving
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		environment map[string]string
		arguments   []string
		check       func(s settings) bool
	}{
		{"nothing set", nil, nil, func(s settings) bool {
			return s.Addr == "127.0.0.1:8080" && s.private() && s.Drain == 3*time.Second && s.MCPPrivate && !s.secure() && s.Hosts == nil && filepath.IsAbs(s.DataDir)
		}},
		{
			"a given database keeps discovery away from private addresses",
			map[string]string{"DATABASE_URL": "postgres://db.example/tollgate"},
			nil,
			func(s settings) bool { return !s.private() && !s.MCPPrivate },
		},
		{
			"typed wins",
			map[string]string{"TOLLGATE_ADDR": "127.0.0.1:1", "TOLLGATE_MCP_PRIVATE": "1"},
			[]string{"--addr", "127.0.0.1:2", "--mcp-private=false"},
			func(s settings) bool { return s.Addr == "127.0.0.1:2" && !s.MCPPrivate },
		},
		{
			"typed after the command",
			nil,
			[]string{"settings", "--addr", "[::1]:2"},
			func(s settings) bool { return s.Addr == "[::1]:2" },
		},
		{
			"behind a proxy",
			map[string]string{"TOLLGATE_ADDR": ":80", "TOLLGATE_BASE_URL": "https://console.example/", "TOLLGATE_HOSTS": "a.example, b.example:8443,", "TOLLGATE_TRUSTED_PROXIES": " 10.0.0.7,fd00::/8"},
			nil,
			func(s settings) bool {
				return s.secure() && s.BaseURL == "https://console.example" && slices.Equal(s.Hosts, []string{"a.example", "b.example:8443"}) &&
					slices.Equal(s.Proxies, []string{"10.0.0.7", "fd00::/8"})
			},
		},
		{
			"insecure on purpose",
			map[string]string{"TOLLGATE_ADDR": "0.0.0.0:80", "TOLLGATE_INSECURE_HTTP": "1"},
			nil,
			func(s settings) bool { return s.Addr == "0.0.0.0:80" && !s.secure() },
		},
		{"a drain in seconds", map[string]string{"TOLLGATE_DRAIN": "12"}, nil, func(s settings) bool { return s.Drain == 12*time.Second }},
		{
			"a drain with a unit",
			nil,
			[]string{"--drain", "250ms"},
			func(s settings) bool { return s.Drain == 250*time.Millisecond },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &program{getenv: func(name string) string { return test.environment[name] }, stderr: &bytes.Buffer{}, stdout: &bytes.Buffer{}}
			read, err := readSettings(p, test.arguments)
			if err != nil || !test.check(read) {
				t.Errorf("read %+v: %v", read, err)
			}
		})
	}
}

// readSettings reads settings as a command does.
func readSettings(p *program, arguments []string) (read settings, err error) {
	root := p.commands()
	serve := root.Command("serve")
	serve.Aliases = []string{"settings"}
	serve.Action = func(_ context.Context, typed *cli.Command) (err error) {
		read, err = p.settings(typed)
		return err
	}
	err = root.Run(context.Background(), append([]string{"tollgate"}, arguments...))
	return read, err
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		arguments      []string
		code           int
		stdout, stderr string
	}{
		{"version", []string{"version"}, exitOK, "tollgate v0.0.0-test\n", ""},
		{"an unknown command", []string{"sevre"}, exitUsage, "", "sevre"},
		{"an unknown option", []string{"serve", "--port", "80"}, exitUsage, "", "port"},
		{"both ways to migrate", []string{"migrate", "--expand", "--force"}, exitUsage, "", "not both"},
		{"too much", []string{"migrate", "now"}, exitUsage, "", "now"},
		{"half a command", []string{"user"}, exitUsage, "", "tollgate user create"},
		{"a key without a name", []string{"api-key", "create"}, exitUsage, "", "name"},
		{"a user without a password", []string{"user", "create", "--email", "a@example.com", "--role", "Admin"}, exitFailure, "", "12 to 1,024 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := do(t, nil, "", test.arguments...)
			if r.code != test.code || r.stdout != test.stdout || !strings.Contains(r.stderr, test.stderr) {
				t.Errorf("exit code %d, printed %q, said %q", r.code, r.stdout, r.stderr)
			}
			if lines := strings.Count(r.stderr, "\n"); lines > 1 {
				t.Errorf("said %d lines: %s", lines, r.stderr)
			}
		})
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	t.Parallel()
	help := must(t, nil, "", "--help")
	for _, name := range []string{
		"TOLLGATE_ADDR", "TOLLGATE_DATA_DIR", "TOLLGATE_BASE_URL", "TOLLGATE_HOSTS", "TOLLGATE_TRUSTED_PROXIES", "DATABASE_URL", "TOLLGATE_MIGRATE_URL", "TOLLGATE_REPLICA_URL", "TOLLGATE_SECRET",
		"TOLLGATE_MCP_PRIVATE", "TOLLGATE_OIDC_PRIVATE", "TOLLGATE_LOG", "TOLLGATE_DRAIN", "TOLLGATE_GRACE_MAX", "TOLLGATE_SPOOL", "TOLLGATE_DATABASE_POOLER", "TOLLGATE_INSECURE_HTTP", "TOLLGATE_ADMIN_EMAIL", "TOLLGATE_ADMIN_PASSWORD",
		"TOLLGATE_ARCHIVE", "TOLLGATE_KEEP_EVENTS", "TOLLGATE_KEEP_DAYS", "TOLLGATE_KEEP_WINDOWS", "TOLLGATE_KEEP_AUDIT", "TOLLGATE_REFUSAL_DAYS",
		"serve", "migrate", "api-key", "user", "sso", "seed", "audit", "ledger", "archive", "backup", "version",
	} {
		if !strings.Contains(help, name) {
			t.Errorf("the help does not mention %s", name)
		}
	}
}

func TestJSONLogIsJSONToTheLastLine(t *testing.T) {
	t.Parallel()
	r := do(t, []string{"TOLLGATE_LOG=json", "TOLLGATE_BASE_URL=console"}, "")
	var line struct{ Level, Error string }
	if err := json.Unmarshal([]byte(r.stderr), &line); err != nil || r.code != exitConfig || !strings.HasPrefix(line.Error, "TOLLGATE_BASE_URL: ") {
		t.Errorf("exit code %d, said %q: %v", r.code, r.stderr, err)
	}
}

func TestKeptSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	made := make(chan string, 8)
	for range cap(made) {
		go func() {
			secret, err := keptSecret(path)
			if err != nil {
				secret = err.Error()
			}
			made <- secret
		}()
	}
	first := <-made
	for range cap(made) - 1 {
		if other := <-made; other != first {
			t.Errorf("two secrets: %q and %q", first, other)
		}
	}
	if _, err := secret.ParseSecret(first); err != nil {
		t.Error(err)
	}
	found, err := os.Stat(path)
	if err != nil || found.Mode().Perm() != 0o600 {
		t.Errorf("kept as %v: %v", found.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
