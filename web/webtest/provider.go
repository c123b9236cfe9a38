package webtest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// Provider is the upstream of a proxy: it records the calls that it receives.
type Provider struct {
	*httptest.Server
	Calls atomic.Int64
	Last  atomic.Pointer[Received]
}

// Received is a call as the provider received it.
type Received struct {
	Method, Path, Body string
	Header             http.Header
}

// NewProvider starts an upstream that records what arrives.
func NewProvider(t *testing.T) *Provider {
	t.Helper()
	p := &Provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.Last.Store(&Received{r.Method, r.URL.RequestURI(), string(body), r.Header.Clone()})
		p.Calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"answered":true}`)
	}))
	t.Cleanup(p.Close)
	return p
}
