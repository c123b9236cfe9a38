package models

// Tests that use dbtest live outside this package; these are for them.
var (
	InTx         = inTx
	MigrateFiles = migrateFiles
	State        = state
)
