package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// program finds what a test needs to run. It fails rather than skips: what is missing is not proven, and .ci/install provides it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		// Where .ci/install unpacks them, and where Debian keeps servers, out of the path of ordinary users.
		for _, folder := range []string{"../.ci/proxies/usr/sbin", "../.ci/proxies/usr/bin", "/usr/sbin", "/usr/local/sbin"} {
			if found, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return found
			}
		}
		t.Fatalf("%s is not installed: %v", name, err)
	}
	return path
}

// provider is what stands behind a proxy: it counts the calls that come through.
type provider struct {
	*httptest.Server
	calls atomic.Int64
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"path":%q,"got":%d}`, r.URL.Path, len(body))
	}))
	t.Cleanup(p.Close)
	return p
}

// freeAddress is one that nothing listens at for now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// front runs a proxy until the test ends and returns the console as it is seen through it: only its address.
func (c *console) front(t *testing.T, address, name string, environment []string, arguments ...string) *console {
	t.Helper()
	var said bytes.Buffer
	command := exec.Command(program(t, name), arguments...)
	command.Stdout, command.Stderr, command.Env = &said, &said, append(os.Environ(), environment...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		if <-ended; t.Failed() {
			t.Log(said.String())
		}
	})
	c.eventually(name, func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", name, said.String())
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	behind := *c
	behind.base = "http://" + address
	return &behind
}

// passes sends calls of many kinds through a proxy to a provider, and fails the test unless each has the status it should.
func (g gateway) passes(t *testing.T, proxy *console, p *provider, check func(name string, a answer)) {
	t.Helper()
	narrow := g.profileNaming("Narrow", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"request_max_limit":1,"request_reset_duration":"1d"}`)
	_, limited := g.give(g.bob, narrow)
	g.admin.counted(event(limited))
	_, poor := g.give(g.member("poor@example.com", "Viewer"), g.work)
	g.admin.counted(event(poor, "cost", 8))
	stopped := g.member("stopped@example.com", "Viewer")
	held, paused := g.give(stopped, g.work)
	g.admin.api("PUT", "/api"+copyPath(stopped, held), `{"is_active":false}`).is(200)
	for _, c := range []struct {
		name, key, model string
		status           int
		reason           string
	}{
		{"allowed", g.key, "openai/gpt-4o", 200, "allowed"},
		{"no key", "", "openai/gpt-4o", 401, "access_not_found"},
		{"an unknown key", "sk-bf-x", "openai/gpt-4o", 401, "access_not_found"},
		{"another provider", g.key, "azure/gpt-4o", 403, "provider_blocked"},
		{"another model", g.key, "openai/gpt-3", 403, "model_blocked"},
		{"no model", g.key, "", 403, "model_blocked"},
		{"paused", paused, "openai/gpt-4o", 403, "access_blocked"},
		{"too many requests", limited, "openai/gpt-4o", 429, "request_limited"},
		{"budget used up", poor, "openai/gpt-4o", 402, "budget_exceeded"},
	} {
		before := p.calls.Load()
		v := g.nobody().at(proxy).with("X-Model", c.model).with("X-Api-Key", c.key)
		a := v.body("/v1/chat/completions", `{"messages":[]}`)
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, a.StatusCode, a.body, c.status)
		}
		if reached := p.calls.Load() > before; reached != (c.status == 200) {
			t.Errorf("%s: the provider was reached: %v", c.name, reached)
		}
		switch {
		case c.status == 200:
			if got := a.json(); got["path"] != "/v1/chat/completions" || got["got"] != 15.0 {
				t.Errorf("the provider got %v", got)
			}
		case a.Header.Get("X-Access-Reason") != c.reason:
			t.Errorf("%s: headers %v, want %s", c.name, a.Header, c.reason)
		}
		if limited := c.status == 429 || c.status == 402; limited != (a.wait() > 0) {
			t.Errorf("%s: Retry-After %q", c.name, a.Header.Get("Retry-After"))
		}
		if c.status == 401 && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: WWW-Authenticate %q", c.name, a.Header.Get("WWW-Authenticate"))
		}
		if check != nil {
			check(c.name, a)
		}
	}
	// A key that is revoked opens the proxy for at most a second.
	call := func() int {
		return g.nobody().at(proxy).with("X-Model", "openai/gpt-4o").with("X-Api-Key", g.key).body("/v1/chat/completions", `{}`).StatusCode
	}
	same(t, "status before", call(), 200)
	g.admin.api("DELETE", keyPath(g.ada, g.keys(g.ada)[0]), nil).is(200)
	g.within(func() bool { return call() == 401 }, "a revoked key still passes")
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
