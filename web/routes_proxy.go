package web

import "tollgate/handlers/gateway"

// proxyRoutes are the routes for proxies, which repeat the method of their client's request. Envoy appends its path
// too.
func proxyRoutes(g *gateway.Gateway) []route {
	var all []route
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		all = append(all,
			route{method, "/authz/envoy/*path", anyone, g.AuthorizeEnvoy},
			route{method, "/authz/envoy-with/*path", anyone, g.AuthorizeEnvoyWith},
			route{method, "/authz/forward", anyone, g.AuthorizeForward},
			route{method, "/authz/nginx", anyone, g.AuthorizeNginx})
	}
	return all
}
