// Package configdoc is what documents of configuration can say. A document is a whole resource; what it leaves out has
// its default. It names other resources by name, never by id.
//
// Each kind has a file: the input struct that handlers/intake binds, what it is in the input of the API (Whole), and
// how it is read. A document is read into a Wanted (read.go), with what it names and, once its names are resolved, its
// canonical form (canonical.go), in which documents are compared (diff.go). Profiles that are stored are written as
// documents by snapshot.go. The JSON schema is made from the input structs (schema.go).
package configdoc
