// Package migrations carries the database schema inside the program.
package migrations

import "embed"

// Files are the migrations, applied in the order of their names. Those that contract are the last of their release:
// while consoles of the release before run, what comes after them waits as well.
//
//go:embed *.sql
var Files embed.FS
