package web_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// documented is a block of docs/gateways.md: operators copy exactly the configuration that is tested.
func documented(t *testing.T, language string) string {
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

// nginx runs a documented configuration in front of a console and a provider.
func (g gateway) nginx(t *testing.T, language string, asked *console, p *provider) (proxy *console, address string) {
	t.Helper()
	folder, listening := t.TempDir(), freeAddress(t)
	config := "daemon off;\nmaster_process off;\npid FOLDER/pid;\nerror_log stderr error;\n" + strings.Replace(documented(t, language), "http {\n", `http {
  access_log off;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
`, 1)
	config = strings.NewReplacer("FOLDER", folder, "127.0.0.1:8000", listening, "127.0.0.1:8080", strings.TrimPrefix(asked.base, "http://"),
		"127.0.0.1:4000", strings.TrimPrefix(p.URL, "http://"), "modules/ngx_http_js_module.so", nginxModule(t)).Replace(config)
	for name, content := range map[string]string{"nginx.conf": config, "guard.js": documented(t, "js")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g.front(t, listening, "nginx", nil, "-c", filepath.Join(folder, "nginx.conf"), "-p", folder, "-e", "stderr"), listening
}

// nginxModule is where njs is: .ci/install unpacks it beside nginx.
func nginxModule(t *testing.T) string {
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

func TestNginx(t *testing.T) {
	for language, chat := range map[string]bool{"nginx": true, "nginx-auth-request": false} {
		t.Run(language, func(t *testing.T) {
			g := newGateway(t)
			w, address := g.databaseWire(nil)
			asked, _ := g.another(address)
			t.Cleanup(w.restore)
			p := newProvider(t)
			proxy, listening := g.nginx(t, language, asked, p)
			g.passes(t, proxy, p, chat, nil)
			// Without the console or its database, no call passes.
			_, key := g.give(g.member("last@example.com", "Viewer"), g.work)
			call := func() int { return g.anonymous().at(proxy).with("X-Api-Key", key).get("/v1/models").StatusCode }
			same(t, "status before", call(), 200)
			w.breaks()
			g.within(func() bool { return call() == 503 }, "calls pass without a database")
			calls := p.calls.Load()
			same(t, "status without a database", call(), 503)
			same(t, "calls that passed", p.calls.Load(), calls)
			if _, err := net.Dial("tcp", listening); err != nil {
				t.Error(err)
			}
		})
	}
}
