package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
)

func (p *program) migrateCommand() *cli.Command {
	return &cli.Command{
		Name:  "migrate",
		Usage: "bring the database up to date and leave",
		Action: p.withDatabase(func(context.Context, settings, *db, *cli.Command) error {
			// Opening it has done all there is to do.
			_, err := fmt.Fprintln(p.stdout, "The database is up to date.")
			return err
		}),
	}
}

// withDatabase runs a command on the open database and closes it again.
func (p *program) withDatabase(work func(context.Context, settings, *db, *cli.Command) error) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		s, err := p.settings(command)
		if err != nil {
			return err
		}
		db, err := p.commandDatabase(ctx, s)
		if err != nil {
			return err
		}
		err = work(ctx, s, db, command)
		return errors.Join(err, db.Close(context.WithoutCancel(ctx)))
	}
}
