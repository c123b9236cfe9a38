package web

import (
	"reflect"
	"runtime"
	"strings"

	"tollgate/handlers"
	"tollgate/models/permission"
)

// Begin begins a request, and Authenticate is the check of credentials; tests use them without the rest.
var (
	Begin        = begin
	Authenticate = authenticate
)

// Route is one method and path as it is served, for tests that walk them all.
type Route struct {
	Method, Path string
	Permission   permission.Permission
	Action       string // the name of its handler
}

// Routes is every URL with each of its prefixes.
func Routes(h *handlers.Handlers) []Route {
	var all []Route
	for _, r := range append(routes(h, gatewayOf(h), telemetryOf(h)), directoryRoutes(h)...) {
		for _, path := range paths(r.path) {
			all = append(all, Route{r.method, path, r.permission, actionOf(r)})
		}
	}
	return all
}

func actionOf(r route) string {
	name := runtime.FuncForPC(reflect.ValueOf(r.action).Pointer()).Name()
	return strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "-fm")
}
