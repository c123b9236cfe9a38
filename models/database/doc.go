// Package database opens PostgreSQL and knows no schema but its own: pools, transactions, prepared statements, the
// database's clock, migrations and the grants of the serving role. InTx opens a transaction and says what it ends with;
// Tx.Invalidate records in it whose access changes, so that every console evicts it from its cache.
package database
