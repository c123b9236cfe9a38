package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models/backup"
	"tollgate/models/database"
)

func (p *program) backupCommand() *cli.Command {
	return &cli.Command{
		Name:   "backup",
		Usage:  "check a backup",
		Action: chooseSubcommand,
		Commands: []*cli.Command{{
			Name:      "verify",
			Usage:     "check a restored copy of the database, and hold it against this one",
			ArgsUsage: "URL",
			Action:    p.verifyBackup,
			ArgValidator: func(_ context.Context, command *cli.Command) error {
				if command.Args().Len() != 1 {
					return usageError{errors.New("backup verify needs the URL of the restored copy, and no more")}
				}
				return nil
			},
		}},
	}
}

func (p *program) verifyBackup(ctx context.Context, command *cli.Command) error {
	address := command.Args().First()
	if err := checkDatabaseURL("URL", address); err != nil {
		return usageError{err}
	}
	return p.withExisting(func(ctx context.Context, s settings, db *db, _ *cli.Command) error {
		key, err := auditKey(s)
		if err != nil {
			return err
		}
		restored, err := database.Open(address)
		if err != nil {
			return err
		}
		defer restored.Close()
		r, err := backup.Verify(ctx, db.DB, restored, key)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "The copy fits: %d audit rows, of which this database has %d more; %d counters; "+
			"%d events stored until %s.\n", r.AuditRows, r.Behind, r.Counters, r.Events, r.Until.Format("2006-01-02T15:04:05Z"))
		return err
	})(ctx, command)
}
