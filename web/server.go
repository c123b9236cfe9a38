// Package web is the HTTP edge: every URL, who may use it, and the middleware that each request passes.
package web

import (
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"

	"tollgate/handlers"
	"tollgate/handlers/extauthz"
	"tollgate/handlers/reqctx"
	"tollgate/models/problem"
	"tollgate/static"
)

// Config says how the console is reached.
type Config struct {
	Addr    string   // the listen address, host:port
	BaseURL string   // the public address, or ""
	Hosts   []string // further host names that are answered
	Proxies []string // the addresses and networks of proxies whose X-Forwarded-For is believed

	Requests *Requests // counts what is answered; nil for nothing
}

// New puts all routes behind the checks that each request passes, in the order of the contract: host, route, origin,
// credential, permission.
func New(config Config, h *handlers.Handlers) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	if err := trustProxies(engine, config.Proxies); err != nil {
		return nil, err
	}
	engine.Use(begin, logRequests(h.Log), config.Requests.count, recoverPanics(h), secureHeaders(h.Secure),
		allowHosts(config, h))
	refuseUnknown(engine, h)
	files := gin.WrapH(static.Handler())
	engine.GET("/static/*file", files)
	engine.HEAD("/static/*file", files)
	register(engine, h)
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.RandomJitter(32, 0, false))
	if err != nil {
		return nil, err
	}
	return extauthz.New(uncompressed(engine, compress(engine))), nil
}

// uncompressed keeps the answers to gateways out of the compression: they are short, and they are asked for before
// every call.
func uncompressed(plain, compressed http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/authz/") || strings.HasSuffix(r.URL.Path, "/decisions") {
			plain.ServeHTTP(w, r)
			return
		}
		compressed.ServeHTTP(w, r)
	})
}

// refuseUnknown answers what is no route.
func refuseUnknown(engine *gin.Engine, h *handlers.Handlers) {
	optional := authenticate(h)(anyone)
	engine.NoRoute(optional, h.Handle(func(*gin.Context) error { return problem.Missing("page") }))
	engine.NoMethod(optional, h.Handle(func(c *gin.Context) error {
		if c.Request.Method == http.MethodGet && !reqctx.IsAPI(c) {
			c.Redirect(http.StatusSeeOther, path.Dir(c.Request.URL.Path)) // the page with the form that posts here
			return nil
		}
		return problem.Refuse(problem.WrongMethod, "", "method_not_allowed", "Use one of the methods in the Allow header.")
	}))
}

// Server wraps a handler with the timeouts of a public listener. It takes HTTP/2 without TLS too, which gRPC needs.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Addr: addr, Handler: handler, Protocols: protocols,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 90 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
