// Package apikey keeps the API keys of the console: their scopes, their use, and the actor of a request that carries
// one. A key may do what its scopes and its maker's role both permit at that moment, so a smaller role needs no change
// of keys; a service key belongs to the console and may do what its scopes permit, also without its maker. The secret
// is shown once and stored as a hash; when a key was last used is written in the background.
package apikey
