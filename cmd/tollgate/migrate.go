package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models/schema"
)

func (p *program) migrateCommand() *cli.Command {
	return &cli.Command{
		Name:  "migrate",
		Usage: "bring the database up to date and leave",
		Description: "Migrations that remove what an earlier release uses are refused while one of its consoles was seen\n" +
			"in the last minute. Before an upgrade run migrate --expand, after it migrate.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "expand", Usage: "leave out migrations that remove something"},
			&cli.BoolFlag{Name: "force", Usage: "remove it also while consoles of an earlier release are at work"},
		},
		Action: func(ctx context.Context, command *cli.Command) error {
			how := migration{
				Options: schema.Options{Expand: command.Bool("expand"), Force: command.Bool("force")},
				whole:   !command.Bool("expand"),
			}
			if how.Expand && how.Force {
				return usageError{errors.New("choose --expand or --force, not both")}
			}
			// Opening it does all there is to do.
			return p.onDatabase(ctx, command, how, func(context.Context, settings, *db, *cli.Command) error {
				_, err := fmt.Fprintln(p.stdout, "The database is up to date.")
				return err
			})
		},
	}
}

// withDatabase runs a command on the open database and closes it again.
func (p *program) withDatabase(work databaseWork) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		return p.onDatabase(ctx, command, migration{}, work)
	}
}

// withExisting is withDatabase for commands that check what is there. A private database is not made for them: in a new
// one all fits.
func (p *program) withExisting(work databaseWork) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		return p.onDatabase(ctx, command, migration{existing: true}, work)
	}
}

// databaseWork is what a command does with the database.
type databaseWork func(context.Context, settings, *db, *cli.Command) error

func (p *program) onDatabase(ctx context.Context, command *cli.Command, how migration, work databaseWork) error {
	s, err := p.settings(command)
	if err != nil {
		return err
	}
	s.migration = how
	db, err := p.commandDatabase(ctx, s)
	if err != nil {
		return err
	}
	err = work(ctx, s, db, command)
	return errors.Join(err, db.Close(context.WithoutCancel(ctx)))
}
