package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// program finds a program that a test needs. It fails instead of skipping, since a skipped test proves nothing;
// .ci/install provides it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		// Where .ci/install unpacks programs, and where Debian installs servers, which is not in the PATH of ordinary users.
		for _, folder := range []string{"../.ci/proxies/usr/sbin", "../.ci/proxies/usr/bin", "/usr/sbin", "/usr/local/sbin"} {
			if found, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return found
			}
		}
		t.Fatalf("%s is not installed: %v", name, err)
	}
	return path
}

// provider is the upstream of a proxy: it records the calls that it receives.
type provider struct {
	*httptest.Server
	calls atomic.Int64
	last  atomic.Pointer[received]
}

// received is a call as the provider received it.
type received struct {
	method, path, body string
	header             http.Header
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.last.Store(&received{r.Method, r.URL.RequestURI(), string(body), r.Header.Clone()})
		p.calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"answered":true}`)
	}))
	t.Cleanup(p.Close)
	return p
}

// freeAddress is an address that is free for now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// front runs a proxy until the test ends and returns the console as it is reached through it: only its address.
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

// call is sent by a client through a proxy: to Gemini, whose path names the model, or with the model in a chat's body.
func (v client) call(chat bool, model string) answer {
	v.t.Helper()
	switch {
	case chat && model == "":
		return v.body("/v1/chat/completions", `{"messages":[]}`)
	case chat:
		return v.body("/v1/chat/completions", `{"messages":[],"model":"`+model+`"}`)
	case model == "":
		return v.body("/v1beta/models", `{"contents":[]}`)
	}
	return v.body("/v1beta/models/"+url.PathEscape(model)+":generateContent", `{"contents":[]}`)
}

// passes sends calls of many kinds through a proxy to a provider, and fails the test unless each has the expected
// status.
func (g gateway) passes(t *testing.T, proxy *console, p *provider, chat bool, check func(name string, a answer)) {
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
		{"a bare model", g.key, "gpt-4o", 200, "allowed"},
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
		// Additions of a hostile client change nothing.
		v := g.anonymous().at(proxy).with("X-Api-Key", c.key).with("X-Model", "openai/gpt-4o").with("X-Provider", "openai").
			with("X-Access-User-Id", "x").with("X-Forwarded-Method", "GET").with("X-Original-Method", "GET")
		a := v.call(chat, c.model)
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, a.StatusCode, a.body, c.status)
		}
		if reached := p.calls.Load() > before; reached != (c.status == 200) {
			t.Errorf("%s: the provider was reached: %v", c.name, reached)
		}
		if c.status != 200 && a.Header.Get("X-Access-Reason") != c.reason {
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
	g.proxyKeepsKeys(t, proxy, p, chat)
	g.proxyReads(t, proxy, p)
	// A revoked key passes the proxy for at most a second.
	call := func() int {
		return g.anonymous().at(proxy).with("X-Api-Key", g.key).call(chat, "openai/gpt-4o").StatusCode
	}
	same(t, "status before", call(), 200)
	g.admin.api("DELETE", keyPath(g.ada, g.keys(g.ada)[0]), nil).is(200)
	g.within(func() bool { return call() == 401 }, "a revoked key still passes")
}

// proxyKeepsKeys fails the test unless the upstream gets its own key instead of the client's, and the user's identity.
func (g gateway) proxyKeepsKeys(t *testing.T, proxy *console, p *provider, chat bool) {
	t.Helper()
	for _, header := range []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		v := g.anonymous().at(proxy).with("X-Access-User-Id", "x").with("X-Access-Profile-Id", "7").with("X-Access-Key-Id", "x")
		v.with(header, "Bearer "+g.key).call(chat, "openai/gpt-4o").is(200)
		got := p.last.Load()
		for name, values := range got.header {
			if strings.Contains(strings.Join(values, " "), g.key) {
				t.Errorf("the gateway gets the virtual key in %s", name)
			}
		}
		want := []string{"Bearer the-gateways-own-key", g.ada, strconv.FormatInt(g.work, 10)}
		same(t, "headers of the gateway", []string{got.header.Get("Authorization"), got.header.Get("X-Access-User-Id"), got.header.Get("X-Access-Profile-Id")}, want)
	}
}

// proxyReads fails the test unless calls without a model pass when they only read, and preflights are answered without
// the upstream.
func (g gateway) proxyReads(t *testing.T, proxy *console, p *provider) {
	t.Helper()
	v := g.anonymous().at(proxy).with("X-Api-Key", g.key)
	v.get("/v1/models?limit=5").is(200)
	if got := p.last.Load(); got.method != "GET" || got.path != "/v1/models?limit=5" {
		t.Errorf("the gateway got %s %s", got.method, got.path)
	}
	before := p.calls.Load()
	v.get("/v1/models?trust=headers").is(200)
	for _, hidden := range []string{"?model=openai/gpt-4o", "?trust=headers", "?method=GET", "?path=gemini", "?provider=openai&model=gpt-4o"} {
		if a := v.with("X-Model", "openai/gpt-4o").body("/v1/files"+hidden, `{}`); a.StatusCode == 200 {
			t.Errorf("a POST with %s passes", hidden)
		}
	}
	if a := v.send("DELETE", "/v1/files/1", "", nil); a.StatusCode != 403 {
		t.Errorf("a DELETE without a model: %d", a.StatusCode)
	}
	preflight := g.anonymous().at(proxy).with("Origin", "https://app.example.com").with("Access-Control-Request-Method", "POST")
	preflight.send("OPTIONS", "/v1/chat/completions", "", nil).is(204)
	same(t, "calls that passed", p.calls.Load(), before+1)
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
