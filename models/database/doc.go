// Package database opens PostgreSQL and knows no schema but its own: pools, transactions, prepared statements, the
// database's clock, migrations and the grants of the serving role. Invalidate records in a transaction whose access
// changes, so that every console evicts it from its cache.
package database
