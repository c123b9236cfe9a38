// Package files has the commands for configuration in files: validate, fmt and import work on files alone, and plan,
// apply, test, export and pull call the API of a console as any client does. The files of a command are a bundle
// (bundle.go), which knows the place of each field, so that what a console refuses is reported by line and column.
package files
