package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"tollgate/models"
)

func (p *program) seedCommand() *cli.Command {
	return &cli.Command{
		Name:  "seed",
		Usage: "add the providers, MCP servers, tool groups and profiles of a sample company; what exists stays as it is",
		Action: p.withDatabase(func(ctx context.Context, _ settings, db *database, _ *cli.Command) error {
			if err := models.Seed(ctx, db, models.CLI); err != nil {
				return refused("add the samples", err)
			}
			_, err := fmt.Fprintln(p.stdout, "The samples are in place.")
			return err
		}),
	}
}
