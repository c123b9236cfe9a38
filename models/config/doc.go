// Package config is configuration as documents: what files in a repository say, what the console has, and how the one
// becomes the other. A document is a whole resource; what it leaves out has its default. It names other resources by
// name, never by id.
//
// A run (run.go) is one transaction, everything or nothing; a plan is a run that is rolled back. It loads the current
// documents (load.go), reads the new ones (document.go and the file of each kind), compares the two in their canonical
// form (canonical.go), and saves only what differs, through the same functions as the API. Every row belongs to the set
// that applied it last (owner.go); the document applied then is the base of a comparison by three: what differs from it
// in the console is drift, and stops an apply until it is settled.
//
// Documents are bound by handlers/intake; what their kinds may hold is in the input structs here, from which the JSON
// schema is made as well (schema.go).
package config
