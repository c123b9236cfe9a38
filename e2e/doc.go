// Package e2e drives the built console in a real browser. It knows only its command line and its URLs.
package e2e
