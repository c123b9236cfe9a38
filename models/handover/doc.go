// Package handover gives users of the console to a directory, one by one or all of a domain, and takes them back. A
// user who is handed over loses their password and their sessions, and gets the role that the rules of the directory
// say.
package handover
