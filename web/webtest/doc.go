// Package webtest is the kit of the tests of package web. NewConsole starts a complete console on a database of its own;
// a Client sends requests to it, by form, by JSON or as they are, and an Answer says what came back: Is, Refuses and
// JSON end a test that expected something else. Every answer of the API is held against the OpenAPI document.
//
// NewGateway adds users, profiles and keys for tests of decisions and usage; proxies.go runs nginx and Caddy before a
// console; wire.go breaks, delays and mutes connections to the database; hostile.go sends tables of bad requests.
package webtest
