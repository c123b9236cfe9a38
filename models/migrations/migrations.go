// Package migrations carries the database schema inside the program.
package migrations

import "embed"

// Files are the migrations, applied in the order of their names.
//
//go:embed *.sql
var Files embed.FS
