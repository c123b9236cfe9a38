package web_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// nginxConfig asks the console before each call, and makes of what nginx cannot say itself the status that the console meant.
const nginxConfig = `
daemon off;
master_process off;
pid FOLDER/pid;
error_log stderr error;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  server {
    listen ADDRESS;
    location / {
      auth_request /access-check;
      auth_request_set $access_status $upstream_http_x_access_status;
      auth_request_set $access_reason $upstream_http_x_access_reason;
      auth_request_set $access_retry $upstream_http_retry_after;
      error_page 401 = @unknown;
      error_page 403 = @refused;
      error_page 500 = @away;
      proxy_pass PROVIDER;
    }
    location = /access-check {
      internal;
      proxy_pass CONSOLE/authz/nginx;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URI $request_uri;
      proxy_connect_timeout 2s;
    }
    location @unknown {
      add_header X-Access-Reason $access_reason always;
      add_header WWW-Authenticate 'Bearer realm="gateway"' always;
      return 401;
    }
    location @refused {
      add_header X-Access-Reason $access_reason always;
      add_header Retry-After $access_retry always;
      if ($access_status = 429) { return 429; }
      if ($access_status = 402) { return 402; }
      if ($access_status = 503) { return 503; }
      return 403;
    }
    location @away { return 503; }
  }
}
`

func TestNginx(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	asked, _ := g.another(address)
	t.Cleanup(w.restore)
	p := newProvider(t)
	listening := freeAddress(t)
	config := strings.NewReplacer("FOLDER", t.TempDir(), "ADDRESS", listening, "PROVIDER", p.URL, "CONSOLE", asked.base).Replace(nginxConfig)
	path := writeFile(t, "nginx.conf", config)
	proxy := g.front(t, listening, "nginx", nil, "-c", path, "-p", filepath.Dir(path), "-e", "stderr")
	g.passes(t, proxy, p, nil)
	// Without the console's database nothing passes, nor without the console.
	_, key := g.give(g.member("last@example.com", "Viewer"), g.work)
	call := func() int {
		return g.nobody().at(proxy).with("X-Model", "openai/gpt-4o").with("X-Api-Key", key).body("/v1/x", `{}`).StatusCode
	}
	same(t, "status before", call(), 200)
	w.breaks()
	g.within(func() bool { return call() == 503 }, "calls pass without a database")
	calls := p.calls.Load()
	same(t, "status without a database", call(), 503)
	same(t, "calls that passed", p.calls.Load(), calls)
	if _, err := net.Dial("tcp", listening); err != nil {
		t.Error(err)
	}
}
