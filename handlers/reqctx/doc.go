// Package reqctx is what a request carries with it: its context with its time limit, who acts (actor, session user,
// virtual key), its body, the id under which it is logged, and by which door it came. The middleware of web sets it,
// handlers read it.
package reqctx
