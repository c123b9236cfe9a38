// Package e2e drives the built console in a real browser. It knows only its command line and its URLs, but for the one
// place where a test holds the console up.
package e2e
