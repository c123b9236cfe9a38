// Command tollgate serves the console and its API, and keeps the database behind them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"tollgate/cmd/tollgate/files"
	"tollgate/models/database"
	"tollgate/models/migrations"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitConfig  = 78 // EX_CONFIG of sysexits.h: starting again without a change is of no use
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal does not wait for anything.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Getenv, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// program is one run of the command line and what it may touch.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	migrations     fs.FS
	log            *slog.Logger // nil until the settings say how to log
	jsonLog        bool
}

// run is the program without its process. The end of ctx asks it to stop.
func run(
	ctx context.Context, getenv func(string) string, args []string, stdin io.Reader, stdout, stderr io.Writer,
) int {
	p := &program{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, migrations: migrations.Files}
	err := p.commands().Run(ctx, args)
	if err == nil {
		return exitOK
	}
	if p.jsonLog {
		p.log.Error("tollgate stopped", "error", oneLine(err))
	} else {
		fmt.Fprintln(stderr, "tollgate:", oneLine(err))
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var setting settingError
	var server database.ServerSettingError
	var usage usageError
	var ofFiles files.Error
	switch {
	case errors.As(err, &ofFiles):
		return ofFiles.Code
	case errors.As(err, &setting), errors.As(err, &server):
		return exitConfig
	case errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailure
	}
}

// oneLine keeps a message whole for tools that read the log line by line.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// usageError says that the command line itself makes no sense.
type usageError struct{ error }

func (p *program) commands() *cli.Command {
	root := &cli.Command{
		Name:  "tollgate",
		Usage: "access profiles for LLM gateways",
		Description: "Every option has an environment twin, named beside it. " +
			"Three settings are read from the environment alone:\n" +
			"TOLLGATE_SECRET (32 bytes or more, base64), " +
			"TOLLGATE_ADMIN_EMAIL and TOLLGATE_ADMIN_PASSWORD (the first administrator).",
		Flags: settingFlags(),
		Commands: append([]*cli.Command{
			p.serveCommand(), p.migrateCommand(), p.apiKeyCommand(), p.userCommand(), p.ssoCommand(),
			p.seedCommand(), p.auditCommand(), p.ledgerCommand(), p.archiveCommand(), p.backupCommand(),
			p.versionCommand(),
		}, files.Commands(p.getenv, p.stdin, p.stdout, p.stderr)...),
		DefaultCommand:  "serve",
		HideHelpCommand: true,
		HideVersion:     true,
		Reader:          p.stdin,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		ArgValidator:    refuseArguments,
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // run decides how to end
	}
	// Walk visits the root as well.
	_ = root.Walk(func(command *cli.Command) error {
		if command.Category == files.Category && command.Action != nil && command.ArgValidator == nil {
			command.ArgValidator = refuseArguments
		}
		command.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error {
			if command.Category == files.Category {
				return files.UsageError(fmt.Errorf("%w; see tollgate %s --help", err, command.Name))
			}
			return usageError{fmt.Errorf("%w; see tollgate --help", err)}
		}
		return nil
	})
	return root
}

func refuseArguments(_ context.Context, command *cli.Command) error {
	if first := command.Args().First(); first != "" {
		return usageError{fmt.Errorf("%s does not know %q; see tollgate --help", command.FullName(), first)}
	}
	return nil
}
