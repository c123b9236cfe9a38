// Package metrics puts together the registry that Prometheus reads, with the series that are read from the database.
package metrics
