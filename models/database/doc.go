// Package database opens PostgreSQL and knows no tables: pools, transactions, prepared statements and the database's
// clock. InTx opens a transaction and says what it ends with; Tx.Invalidate records in it whose access changes, so that
// every console evicts it from its cache.
package database
