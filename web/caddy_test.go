package web_test

import (
	"strings"
	"testing"
)

const caddyConfig = `{
	admin off
	auto_https off
	storage file_system FOLDER
}
http://ADDRESS {
	forward_auth CONSOLE {
		uri /authz/forward
		copy_headers X-Access-Profile-Id
	}
	reverse_proxy PROVIDER
}
`

func TestCaddy(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	asked, _ := g.another(address)
	t.Cleanup(w.restore)
	p := newProvider(t)
	folder, listening := t.TempDir(), freeAddress(t)
	bare := func(url string) string { return strings.TrimPrefix(url, "http://") }
	config := strings.NewReplacer("FOLDER", folder, "ADDRESS", listening, "PROVIDER", bare(p.URL), "CONSOLE", bare(asked.base)).Replace(caddyConfig)
	environment := []string{"HOME=" + folder, "XDG_DATA_HOME=" + folder, "XDG_CONFIG_HOME=" + folder}
	proxy := g.front(t, listening, "caddy", environment, "run", "--config", writeFile(t, "Caddyfile", config), "--adapter", "caddyfile")
	g.passes(t, proxy, p, func(name string, a answer) {
		// Caddy passes the answer on as it is.
		if a.StatusCode != 200 && a.json()["allowed"] != false {
			t.Errorf("%s: %s", name, a.body)
		}
	})
	_, key := g.give(g.member("last@example.com", "Viewer"), g.work)
	call := func() int {
		return g.nobody().at(proxy).with("X-Model", "openai/gpt-4o").with("X-Api-Key", key).body("/v1/x", `{}`).StatusCode
	}
	same(t, "status before", call(), 200)
	w.breaks()
	g.within(func() bool { return call() == 503 }, "calls pass without a database")
}
