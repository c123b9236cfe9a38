// Package e2e drives the built console in a real browser. It uses only its command line and its URLs, except in one
// place, where a test locks rows to delay the console.
package e2e
