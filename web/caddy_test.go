package web_test

import (
	"testing"

	"tollgate/web/webtest"
)

func TestCaddy(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	asked, _ := g.Another(address)
	t.Cleanup(w.Restore)
	p := webtest.NewProvider(t)
	proxy := g.Caddy(t, asked, p)
	g.Passes(t, proxy, p, false, func(name string, a webtest.Answer) {
		// Caddy passes the answer on unchanged.
		if a.StatusCode != 200 && a.JSON()["allowed"] != false {
			t.Errorf("%s: %s", name, a.Body)
		}
	})
	_, key := g.Give(g.Member("last@example.com", "Viewer"), g.Work)
	call := func() int { return g.Anonymous().At(proxy).With("X-Api-Key", key).Get("/v1/models").StatusCode }
	webtest.Same(t, "status before", call(), 200)
	w.Breaks()
	g.Within(func() bool { return call() == 503 }, "calls pass without a database")
}
