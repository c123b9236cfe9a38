package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

// version is set by the build.
var version = "development"

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(context.Context, *cli.Command) error {
			_, err := fmt.Fprintln(p.stdout, "tollgate", version)
			return err
		},
	}
}
