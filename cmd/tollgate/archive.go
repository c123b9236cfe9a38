package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models/archive"
)

func (p *program) archiveCommand() *cli.Command {
	return &cli.Command{
		Name:   "archive",
		Usage:  "archive usage events in TOLLGATE_ARCHIVE",
		Action: chooseSubcommand,
		Commands: []*cli.Command{
			{
				Name:  "run",
				Usage: "archive the weeks that are over; a console does so every hour",
				Action: p.withArchive(func(ctx context.Context, s settings, db *db) error {
					weeks, err := archive.Run(ctx, db.DB, s.Keep.Archive)
					for _, week := range weeks {
						fmt.Fprintf(p.stdout, "The week of %s is archived.\n", week)
					}
					if err == nil && len(weeks) == 0 {
						_, err = fmt.Fprintln(p.stdout, "No further week is over.")
					}
					return err
				}),
			},
			{
				Name:  "verify",
				Usage: "read every archived file, and compare it with what was noted when it was written",
				Action: p.withArchive(func(ctx context.Context, s settings, db *db) error {
					files, events, err := archive.Verify(ctx, db.DB, s.Keep.Archive)
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(p.stdout, "All %d files with %d events are as they were written.\n", files, events)
					return err
				}),
			},
		},
	}
}

// withArchive runs what needs the folder of the archive.
func (p *program) withArchive(do func(context.Context, settings, *db) error) cli.ActionFunc {
	return p.withDatabase(func(ctx context.Context, s settings, db *db, _ *cli.Command) error {
		if s.Keep.Archive == "" {
			return settingError{"TOLLGATE_ARCHIVE", "name the folder of the archive"}
		}
		return do(ctx, s, db)
	})
}
