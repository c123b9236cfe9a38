package web_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A client that leaves before the database answers is no error of this console: its log says so.
func TestClientsThatCloseTheirRequests(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	ctx, leave := context.WithCancel(t.Context())
	w.Cut = func(sent []byte) bool {
		if bytes.Contains(sent, []byte("FROM access_profiles")) {
			w.Mute.Store(true)
			leave()
		}
		return false
	}
	c, _ := g.Another(address)
	request, err := http.NewRequestWithContext(ctx, "GET", c.Base+"/api/access-profiles?search=x", nil)
	g.Must(err)
	request.Header = g.Admin.Header
	if _, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
		t.Errorf("the request that was closed: %v", err)
	}
	w.Mute.Store(false)
	c.Eventually("the log of the request", func() bool { return strings.Contains(c.Log.String(), "the client has closed the request") })
	for line := range strings.Lines(c.Log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Error(line)
		}
	}
}
