// Package importer turns the configuration of other gateways into documents of our own, which an owner reads, plans and
// applies like any others. It writes no rows. Every field that was found ends in one class, so that nothing is lost
// silently; secrets are named by their place alone.
package importer
