package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// Tests walk the table of routes; these are for them.
var Authenticate = authenticate

type Route struct {
	Method, Path string
	Permission   permission.Permission
}

// Routes is every URL with each of its prefixes.
func Routes(h *handlers.Handlers) []Route {
	var all []Route
	for _, r := range routes(h) {
		for _, path := range paths(r.path) {
			all = append(all, Route{r.method, path, r.permission})
		}
	}
	return all
}
