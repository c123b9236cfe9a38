// Package database opens PostgreSQL and knows no schema but its own: pools, transactions, prepared statements, the
// database's clock, migrations and the grants of the serving role. Invalidate notes in a transaction whose access it
// changes, so that every console evicts what it caches.
package database
