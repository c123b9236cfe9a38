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
			Action: p.withExisting(func(ctx context.Context, s settings, db *db, _ *cli.Command) error {
				key, err := auditKey(s)
				if err != nil {
					return err
				}
				rows, err := audit.Verify(ctx, db.DB, key)
				if err != nil {
					return err
				}
				since, err := audit.KeptSince(ctx, db.DB)
				if err != nil {
					return err
				}
				kept := ""
				if !since.IsZero() {
					kept = ", which is kept since " + since.Format("2006-01-02T15:04:05Z") + ","
				}
				_, err = fmt.Fprintf(p.stdout, "All %d rows of the audit log%s fit.\n", rows, kept)
				return err
			}),
		}},
	}
}

// auditKey is the key that signs where the audit log begins. It is of use only when rows were dropped, so a command may
// do without the secret.
func auditKey(s settings) ([]byte, error) {
	if checkSecretGiven(s) != nil {
		return nil, nil
	}
	keys, err := keys(s)
	return keys.Audit, err
}
