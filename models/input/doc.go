// Package input is what clients send, before it is checked. Value, Row and List keep the kind of every member and its
// original text, from JSON and from forms alike; Reader collects problems with the path of each field. Names are
// compared by NameKey, which folds letter case and characters that Unicode calls compatible.
package input
