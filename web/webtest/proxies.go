package webtest

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Caddy runs Caddy with the documented configuration before a provider.
func (g Gateway) Caddy(t *testing.T, asked *Console, p *Provider) *Console {
	t.Helper()
	folder, listening := t.TempDir(), FreeAddress(t)
	config := "{\n\tadmin off\n\tauto_https off\n\tstorage file_system FOLDER\n}\n" + Documented(t, "caddy")
	config = strings.NewReplacer("FOLDER", folder, "127.0.0.1:8000", listening, "127.0.0.1:8080", strings.TrimPrefix(asked.Base, "http://"),
		"127.0.0.1:4000", strings.TrimPrefix(p.URL, "http://")).Replace(config)
	environment := []string{"HOME=" + folder, "XDG_DATA_HOME=" + folder, "XDG_CONFIG_HOME=" + folder}
	return g.Front(t, listening, "caddy", environment, "run", "--config", WriteFile(t, "Caddyfile", config), "--adapter", "caddyfile")
}

// Documented is a block of docs/gateways.md: operators copy exactly the configuration that is tested.
func Documented(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	_, behind, found := strings.Cut(string(text), "```"+language+"\n")
	block, _, closed := strings.Cut(behind, "```\n")
	if !found || !closed {
		t.Fatalf("docs/gateways.md has no block of %s", language)
	}
	return block
}

// Nginx runs a documented configuration in front of a console and a provider.
func (g Gateway) Nginx(t *testing.T, language string, asked *Console, p *Provider) (proxy *Console, address string) {
	t.Helper()
	folder, listening := t.TempDir(), FreeAddress(t)
	config := "daemon off;\nmaster_process off;\npid FOLDER/pid;\nerror_log stderr error;\n" + strings.Replace(Documented(t, language), "http {\n", `http {
  access_log off;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
`, 1)
	config = strings.NewReplacer("FOLDER", folder, "127.0.0.1:8000", listening, "127.0.0.1:8080", strings.TrimPrefix(asked.Base, "http://"),
		"127.0.0.1:4000", strings.TrimPrefix(p.URL, "http://"), "modules/ngx_http_js_module.so", NginxModule(t)).Replace(config)
	for name, content := range map[string]string{"nginx.conf": config, "guard.js": Documented(t, "js")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g.Front(t, listening, "nginx", nil, "-c", filepath.Join(folder, "nginx.conf"), "-p", folder, "-e", "stderr"), listening
}

// NginxModule is where njs is: .ci/install unpacks it beside nginx.
func NginxModule(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"../.ci/proxies/usr/lib/nginx/modules/ngx_http_js_module.so", "/usr/lib/nginx/modules/ngx_http_js_module.so"} {
		if whole, err := filepath.Abs(path); err == nil {
			if _, err := os.Stat(whole); err == nil {
				return whole
			}
		}
	}
	t.Fatal("the module njs of nginx is not installed")
	return ""
}

// Program finds a program that a test needs. It fails instead of skipping, since a skipped test proves nothing;
// .ci/install provides it.
func Program(t *testing.T, name string) string {
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

// FreeAddress is an address that is free for now.
func FreeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Front runs a proxy until the test ends and returns the console as it is reached through it: only its address.
func (c *Console) Front(t *testing.T, address, name string, environment []string, arguments ...string) *Console {
	t.Helper()
	var said bytes.Buffer
	command := exec.Command(Program(t, name), arguments...)
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
	c.Eventually(name, func() bool {
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
	behind.Base, behind.Proxy = "http://"+address, true
	return &behind
}

// Call is sent by a client through a proxy: to Gemini, whose path names the model, or with the model in a chat's body.
func (v Client) Call(chat bool, model string) Answer {
	v.T.Helper()
	switch {
	case chat && model == "":
		return v.Body("/v1/chat/completions", `{"messages":[]}`)
	case chat:
		return v.Body("/v1/chat/completions", `{"messages":[],"model":"`+model+`"}`)
	case model == "":
		return v.Body("/v1beta/models", `{"contents":[]}`)
	}
	return v.Body("/v1beta/models/"+url.PathEscape(model)+":generateContent", `{"contents":[]}`)
}

// Passes sends calls of many kinds through a proxy to a provider, and fails the test unless each has the expected
// status.
func (g Gateway) Passes(t *testing.T, proxy *Console, p *Provider, chat bool, check func(name string, a Answer)) {
	t.Helper()
	narrow := g.ProfileNaming("Narrow", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"request_max_limit":1,"request_reset_duration":"1d"}`)
	_, limited := g.Give(g.Bob, narrow)
	g.Admin.Counted(Event(limited))
	_, poor := g.Give(g.Member("poor@example.com", "Viewer"), g.Work)
	g.Admin.Counted(Event(poor, "cost", 8))
	stopped := g.Member("stopped@example.com", "Viewer")
	held, paused := g.Give(stopped, g.Work)
	g.Admin.API("PUT", "/api"+CopyPath(stopped, held), `{"is_active":false}`).Is(200)
	for _, c := range []struct {
		name, key, model string
		status           int
		reason           string
	}{
		{"allowed", g.Key, "openai/gpt-4o", 200, "allowed"},
		{"a bare model", g.Key, "gpt-4o", 200, "allowed"},
		{"no key", "", "openai/gpt-4o", 401, "access_not_found"},
		{"an unknown key", "sk-bf-x", "openai/gpt-4o", 401, "access_not_found"},
		{"another provider", g.Key, "azure/gpt-4o", 403, "provider_blocked"},
		{"another model", g.Key, "openai/gpt-3", 403, "model_blocked"},
		{"no model", g.Key, "", 403, "model_blocked"},
		{"paused", paused, "openai/gpt-4o", 403, "access_blocked"},
		{"too many requests", limited, "openai/gpt-4o", 429, "request_limited"},
		{"budget used up", poor, "openai/gpt-4o", 402, "budget_exceeded"},
	} {
		// Additions of a hostile client change nothing.
		v := g.Anonymous().At(proxy).With("X-Api-Key", c.key).With("X-Model", "openai/gpt-4o").With("X-Provider", "openai").
			With("X-Access-User-Id", "x").With("X-Forwarded-Method", "GET").With("X-Original-Method", "GET")
		var before int64
		var a Answer
		call := func() bool {
			before = p.Calls.Load()
			a = v.Call(chat, c.model)
			return a.StatusCode == c.status
		}
		// The console that the proxy asks may have read the user before the usage was counted on another.
		if c.key == limited || c.key == poor || c.key == paused {
			g.Within(call, c.name+" still passes")
		} else {
			call()
		}
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, a.StatusCode, a.Body, c.status)
		}
		if reached := p.Calls.Load() > before; reached != (c.status == 200) {
			t.Errorf("%s: the provider was reached: %v", c.name, reached)
		}
		if c.status != 200 && a.Header.Get("X-Access-Reason") != c.reason {
			t.Errorf("%s: headers %v, want %s", c.name, a.Header, c.reason)
		}
		if limited := c.status == 429 || c.status == 402; limited != (a.Wait() > 0) {
			t.Errorf("%s: Retry-After %q", c.name, a.Header.Get("Retry-After"))
		}
		if c.status == 401 && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: WWW-Authenticate %q", c.name, a.Header.Get("WWW-Authenticate"))
		}
		if check != nil {
			check(c.name, a)
		}
	}
	g.ProxyKeepsKeys(t, proxy, p, chat)
	g.ProxyReads(t, proxy, p)
	// A revoked key passes the proxy for at most a second.
	call := func() int {
		return g.Anonymous().At(proxy).With("X-Api-Key", g.Key).Call(chat, "openai/gpt-4o").StatusCode
	}
	Same(t, "status before", call(), 200)
	g.Admin.API("DELETE", KeyPath(g.Ada, g.Keys(g.Ada)[0]), nil).Is(200)
	g.Within(func() bool { return call() == 401 }, "a revoked key still passes")
}

// ProxyKeepsKeys fails the test unless the upstream gets its own key instead of the client's, and the user's identity.
func (g Gateway) ProxyKeepsKeys(t *testing.T, proxy *Console, p *Provider, chat bool) {
	t.Helper()
	for _, header := range []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		v := g.Anonymous().At(proxy).With("X-Access-User-Id", "x").With("X-Access-Profile-Id", "7").With("X-Access-Key-Id", "x")
		v.With(header, "Bearer "+g.Key).Call(chat, "openai/gpt-4o").Is(200)
		got := p.Last.Load()
		for name, values := range got.Header {
			if strings.Contains(strings.Join(values, " "), g.Key) {
				t.Errorf("the gateway gets the virtual key in %s", name)
			}
		}
		want := []string{"Bearer the-gateways-own-key", g.Ada, strconv.FormatInt(g.Work, 10)}
		Same(t, "headers of the gateway", []string{got.Header.Get("Authorization"), got.Header.Get("X-Access-User-Id"), got.Header.Get("X-Access-Profile-Id")}, want)
	}
}

// ProxyReads fails the test unless calls without a model pass when they only read, and preflights are answered without
// the upstream.
func (g Gateway) ProxyReads(t *testing.T, proxy *Console, p *Provider) {
	t.Helper()
	v := g.Anonymous().At(proxy).With("X-Api-Key", g.Key)
	v.Get("/v1/models?limit=5").Is(200)
	if got := p.Last.Load(); got.Method != "GET" || got.Path != "/v1/models?limit=5" {
		t.Errorf("the gateway got %s %s", got.Method, got.Path)
	}
	before := p.Calls.Load()
	v.Get("/v1/models?trust=headers").Is(200)
	for _, hidden := range []string{"?model=openai/gpt-4o", "?trust=headers", "?method=GET", "?path=gemini", "?provider=openai&model=gpt-4o"} {
		if a := v.With("X-Model", "openai/gpt-4o").Body("/v1/files"+hidden, `{}`); a.StatusCode == 200 {
			t.Errorf("a POST with %s passes", hidden)
		}
	}
	if a := v.Send("DELETE", "/v1/files/1", "", nil); a.StatusCode != 403 {
		t.Errorf("a DELETE without a model: %d", a.StatusCode)
	}
	preflight := g.Anonymous().At(proxy).With("Origin", "https://app.example.com").With("Access-Control-Request-Method", "POST")
	preflight.Send("OPTIONS", "/v1/chat/completions", "", nil).Is(204)
	Same(t, "calls that passed", p.Calls.Load(), before+1)
}

// WriteFile writes a file in a folder of its own, and is its path.
func WriteFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
