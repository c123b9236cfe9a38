package web_test

import (
	"strings"
	"testing"
)

func (g gateway) caddy(t *testing.T, asked *console, p *provider) *console {
	t.Helper()
	folder, listening := t.TempDir(), freeAddress(t)
	config := "{\n\tadmin off\n\tauto_https off\n\tstorage file_system FOLDER\n}\n" + documented(t, "caddy")
	config = strings.NewReplacer("FOLDER", folder, "127.0.0.1:8000", listening, "127.0.0.1:8080", strings.TrimPrefix(asked.base, "http://"),
		"127.0.0.1:4000", strings.TrimPrefix(p.URL, "http://")).Replace(config)
	environment := []string{"HOME=" + folder, "XDG_DATA_HOME=" + folder, "XDG_CONFIG_HOME=" + folder}
	return g.front(t, listening, "caddy", environment, "run", "--config", writeFile(t, "Caddyfile", config), "--adapter", "caddyfile")
}

func TestCaddy(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	asked, _ := g.another(address)
	t.Cleanup(w.restore)
	p := newProvider(t)
	proxy := g.caddy(t, asked, p)
	g.passes(t, proxy, p, false, func(name string, a answer) {
		// Caddy passes the answer on unchanged.
		if a.StatusCode != 200 && a.json()["allowed"] != false {
			t.Errorf("%s: %s", name, a.body)
		}
	})
	_, key := g.give(g.member("last@example.com", "Viewer"), g.work)
	call := func() int { return g.anonymous().at(proxy).with("X-Api-Key", key).get("/v1/models").StatusCode }
	same(t, "status before", call(), 200)
	w.breaks()
	g.within(func() bool { return call() == 503 }, "calls pass without a database")
}
