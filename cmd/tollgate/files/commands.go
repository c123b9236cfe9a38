package files

import (
	"io"

	"github.com/urfave/cli/v3"
)

// Category is that of the commands for files of configuration.
const Category = "configuration in files"

// Exit codes, beside 0.
const (
	exitFailure      = 1
	exitLoss         = 2  // an import that lost something
	exitChanges      = 2  // there is something to change, with --exit-code
	exitConflict     = 3  // drift, or resources of another set
	exitStale        = 4  // the plan is another by now
	exitTests        = 5  // a test of the policy fails
	exitDeletes      = 6  // too many deletions, or no document at all
	exitUsage        = 64 // EX_USAGE
	exitAway         = 69 // EX_UNAVAILABLE: the console does not answer
	exitNotPermitted = 77 // EX_NOPERM
)

// Error ends a command with its exit code.
type Error struct {
	Code int
	error
}

func (e Error) Unwrap() error { return e.error }

// UsageError says that a command line makes no sense.
func UsageError(err error) Error { return Error{exitUsage, err} }

// program is one run of the command line and what it may touch.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// Commands are the commands for files of configuration.
func Commands(getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) []*cli.Command {
	p := &program{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	return []*cli.Command{
		p.fmtCommand(), p.validateCommand(), p.planCommand(), p.applyCommand(), p.exportCommand(), p.pullCommand(),
		p.testCommand(), p.importCommand(),
	}
}
