package web_test

import (
	"net"
	"testing"

	"tollgate/web/webtest"
)

func TestNginx(t *testing.T) {
	for language, chat := range map[string]bool{"nginx": true, "nginx-auth-request": false} {
		t.Run(language, func(t *testing.T) {
			g := webtest.NewGateway(t)
			w, address := g.DatabaseWire(nil)
			asked, _ := g.Another(address)
			t.Cleanup(w.Restore)
			p := webtest.NewProvider(t)
			proxy, listening := g.Nginx(t, language, asked, p)
			g.Passes(t, proxy, p, chat, nil)
			// Without the console or its database, no call passes.
			_, key := g.Give(g.Member("last@example.com", "Viewer"), g.Work)
			call := func() int { return g.Anonymous().At(proxy).With("X-Api-Key", key).Get("/v1/models").StatusCode }
			webtest.Same(t, "status before", call(), 200)
			w.Breaks()
			g.Within(func() bool { return call() == 503 }, "calls pass without a database")
			calls := p.Calls.Load()
			webtest.Same(t, "status without a database", call(), 503)
			webtest.Same(t, "calls that passed", p.Calls.Load(), calls)
			if _, err := net.Dial("tcp", listening); err != nil {
				t.Error(err)
			}
		})
	}
}
