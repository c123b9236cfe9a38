package web_test

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/web"
	"tollgate/web/webtest"
)

// behindProxies is a console that believes proxies at 127.0.0.1 and in 127.0.3.0/24.
func behindProxies(c *webtest.Console) *webtest.Console {
	server := httptest.NewUnstartedServer(nil)
	behind := *c
	behind.Base = "http://" + server.Listener.Addr().String()
	var err error
	server.Config.Handler, err = web.New(web.Config{
		Addr: server.Listener.Addr().String(), Hosts: []string{"console.example"}, Proxies: []string{"127.0.0.1", "127.0.3.0/24"},
	}, c.H)
	c.Must(err)
	server.Start()
	c.T.Cleanup(server.Close)
	return &behind
}

// blamed is the network for which a wrong password is counted.
func blamed(v webtest.Client) string {
	v.T.Helper()
	v.Exec("DELETE FROM login_throttles")
	v.Post("/login", webtest.Credentials(webtest.Admin, "wrong password")).Is(401)
	var network string
	v.Scan(&network, "SELECT substr(subject, 9) FROM login_throttles WHERE subject LIKE 'network %'")
	return network
}

func TestTrustedProxies(t *testing.T) {
	c := webtest.NewConsole(t)
	behind := behindProxies(c)
	for _, test := range []struct {
		name, from string
		forwarded  []string // lines of X-Forwarded-For
		want       string
	}{
		{"a client without a proxy", "127.0.9.1", nil, "127.0.9.0/24"},
		{"a client that names another", "127.0.9.1", []string{"192.0.2.7"}, "127.0.9.0/24"},
		{"a client that names a proxy", "127.0.9.1", []string{"192.0.2.7, 127.0.0.1"}, "127.0.9.0/24"},
		{"a proxy", "127.0.0.1", []string{"192.0.2.7"}, "192.0.2.0/24"},
		{"a proxy by its network", "127.0.3.8", []string{"2001:db8::7"}, "2001:db8::/64"},
		{"a proxy that names nothing", "127.0.0.1", nil, "127.0.0.0/24"},
		{"two proxies", "127.0.0.1", []string{"192.0.2.7, 127.0.3.8"}, "192.0.2.0/24"},
		{"what the client wrote before", "127.0.0.1", []string{"198.51.100.1, 192.0.2.7, 127.0.3.8"}, "192.0.2.0/24"},
		{"a client that claims to be a proxy's", "127.0.0.1", []string{"198.51.100.1, 127.0.3.9, 192.0.2.7"}, "192.0.2.0/24"},
		{"a line of the client before that of the proxy", "127.0.0.1", []string{"198.51.100.1", "192.0.2.7"}, "192.0.2.0/24"},
		{"what is no address", "127.0.0.1", []string{"198.51.100.1, unknown"}, "127.0.0.0/24"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := behind.Anonymous().From(test.from).With("Host", "console.example").With("X-Real-IP", "203.0.113.9")
			for _, line := range test.forwarded {
				v = v.Also("X-Forwarded-For", line)
			}
			webtest.Same(t, "network", blamed(v), test.want)
		})
	}
	// A console to which no proxy was named believes none.
	v := c.Anonymous().From("127.0.3.8").With("X-Forwarded-For", "192.0.2.7").With("X-Real-IP", "203.0.113.9")
	webtest.Same(t, "network without proxies", blamed(v), "127.0.3.0/24")
}

// Real proxies, before which a client writes the headers that they add.
func TestTrustedProxiesOfOthers(t *testing.T) {
	g := webtest.NewGateway(t)
	behind := behindProxies(g.Console)
	console := strings.TrimPrefix(behind.Base, "http://")
	folder := t.TempDir()
	for name, start := range map[string]func(t *testing.T, listening string) *webtest.Console{
		"nginx": func(t *testing.T, listening string) *webtest.Console {
			file := webtest.WriteFile(t, "nginx.conf", strings.NewReplacer("FOLDER", folder, "LISTENING", listening, "CONSOLE", console).Replace(`
daemon off; master_process off; pid FOLDER/pid; error_log stderr error;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  server {
    listen LISTENING;
    location / {
      proxy_pass http://CONSOLE;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`))
			return g.Front(t, listening, "nginx", nil, "-c", file, "-p", folder, "-e", "stderr")
		},
		"caddy": func(t *testing.T, listening string) *webtest.Console {
			environment := []string{"HOME=" + folder, "XDG_DATA_HOME=" + folder, "XDG_CONFIG_HOME=" + folder}
			file := webtest.WriteFile(t, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n\tstorage file_system "+filepath.Join(folder, "caddy")+
				"\n}\nhttp://"+listening+", http://console.example:"+listening[strings.LastIndex(listening, ":")+1:]+
				" {\n\tbind 127.0.0.1\n\treverse_proxy "+console+"\n}\n")
			return g.Front(t, listening, "caddy", environment, "run", "--config", file, "--adapter", "caddyfile")
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := start(t, webtest.FreeAddress(t))
			v := g.Anonymous().At(proxy).From("127.0.9.1").With("Host", "console.example")
			webtest.Same(t, "network", blamed(v), "127.0.9.0/24")
			webtest.Same(t, "network with a header of the client", blamed(v.With("X-Forwarded-For", "198.51.100.1, 127.0.3.8").
				With("X-Real-IP", "203.0.113.9")), "127.0.9.0/24")
		})
	}
}
