package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models/audit"
)

func (p *program) auditCommand() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "check the audit log",
		Commands: []*cli.Command{{
			Name:  "verify",
			Usage: "recompute the chain of the audit log and name the first row that does not match",
			Action: p.withDatabase(func(ctx context.Context, _ settings, db *db, _ *cli.Command) error {
				rows, err := audit.Verify(ctx, db.DB)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "All %d rows of the audit log fit.\n", rows)
				return err
			}),
		}},
	}
}
