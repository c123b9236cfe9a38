package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models/archive"
	"tollgate/models/audit"
	"tollgate/models/ledger"
)

func (p *program) archiveCommand() *cli.Command {
	return &cli.Command{
		Name:   "archive",
		Usage:  "archive usage events and audit rows in TOLLGATE_ARCHIVE",
		Action: chooseSubcommand,
		Commands: []*cli.Command{
			{
				Name:  "run",
				Usage: "archive what is over; a console does so every hour",
				Flags: []cli.Flag{&cli.StringFlag{
					Name: "format", Value: "parquet", Usage: "write files in `FORMAT` parquet or csv",
				}},
				Action: p.withArchive(p.runArchive),
			},
			{
				Name:  "verify",
				Usage: "read every archived file, and compare it with what was noted when it was written",
				Action: p.withArchive(func(ctx context.Context, s settings, db *db, _ *cli.Command) error {
					found, err := archive.Verify(ctx, db.DB, s.Keep.Archive)
					if err != nil {
						return err
					}
					rows := ""
					if found.AuditRows > 0 {
						rows = fmt.Sprintf(" and %d audit rows", found.AuditRows)
					}
					_, err = fmt.Fprintf(p.stdout, "All %d files with %d events%s are as they were written.\n", found.Files,
						found.Events, rows)
					return err
				}),
			},
		},
	}
}

// runArchive archives weeks of events, and months of audit rows if these are not kept forever.
func (p *program) runArchive(ctx context.Context, s settings, db *db, command *cli.Command) error {
	format := archive.Format(command.String("format"))
	if format != archive.Parquet && format != archive.CSV {
		return usageError{fmt.Errorf("the format %q is neither parquet nor csv", format)}
	}
	weeks, skewed, err := ledger.Archive(ctx, db.DB, s.Keep.Archive, format)
	if len(skewed) > 0 {
		p.nameSkewed(skewed)
		err = fmt.Errorf("%d days are not what their events add up to, so no week is archived", len(skewed))
	}
	for _, week := range weeks {
		fmt.Fprintf(p.stdout, "The week of %s is archived.\n", week)
	}
	if s.Keep.Audit == 0 {
		if err == nil && len(weeks) == 0 {
			_, err = fmt.Fprintln(p.stdout, "No further week is over.")
		}
		return err
	}
	months, auditErr := p.archiveAudit(ctx, s, db, format)
	for _, month := range months {
		fmt.Fprintf(p.stdout, "The audit log of %s is archived.\n", month)
	}
	if err = errors.Join(err, auditErr); err == nil && len(weeks)+len(months) == 0 {
		_, err = fmt.Fprintln(p.stdout, "No further week, and no further month of the audit log, is over.")
	}
	return err
}

func (p *program) archiveAudit(ctx context.Context, s settings, db *db, format archive.Format) ([]string, error) {
	key, err := auditKey(s)
	if err != nil {
		return nil, err
	}
	if err := audit.CloseMonths(ctx, db.DB, key, s.Keep.Audit); err != nil {
		return nil, err
	}
	return archive.RunAudit(ctx, db.DB, s.Keep.Archive, format)
}

// withArchive runs what needs the folder of the archive.
func (p *program) withArchive(do func(context.Context, settings, *db, *cli.Command) error) cli.ActionFunc {
	return p.withExisting(func(ctx context.Context, s settings, db *db, command *cli.Command) error {
		if s.Keep.Archive == "" {
			return settingError{"TOLLGATE_ARCHIVE", "name the folder of the archive"}
		}
		return do(ctx, s, db, command)
	})
}
