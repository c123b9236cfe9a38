// Package configfile reads and writes the files that hold configuration: documents in YAML or JSON. Of YAML it takes
// what JSON can say too: anchors, aliases, merge keys, tags and duplicate keys are refused, and a scalar is text unless
// it is null, true, false or a number of JSON. Numbers keep their literal. Every value knows its place in a file, so
// that a problem of the server, which names a path, is shown with file, line and column. The writer has one form for
// each document. What documents mean is not known here. Files of other programs, which an import reads, may use all of
// YAML (foreign.go).
package configfile
