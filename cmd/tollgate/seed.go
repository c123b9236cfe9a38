package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models/permission"
	"tollgate/models/sample"
)

func (p *program) seedCommand() *cli.Command {
	return &cli.Command{
		Name:  "seed",
		Usage: "add the catalogue, the profiles and the users of a sample company; what exists stays as it is",
		Action: p.withDatabase(func(ctx context.Context, s settings, db *db, _ *cli.Command) error {
			keys, err := p.keysFor(ctx, s, db)
			if err != nil {
				return err
			}
			if err := sample.Seed(ctx, db.DB, keys, permission.CLI); err != nil {
				return refused("add the samples", err)
			}
			_, err = fmt.Fprintln(p.stdout, "The samples are in place.")
			return err
		}),
	}
}
