// Package pgserver runs the private PostgreSQL of a console: one server for a data folder, shared by the commands that
// run beside the console, stopped by the last one. It knows nothing of what is stored.
package pgserver
