// Package extauthz answers Envoy's ext_authz over gRPC (envoy.service.auth.v3). Each check is asked as a request of the
// door for ext_authz over HTTP, so that both decide alike and pass the same checks, log and metrics.
package extauthz
