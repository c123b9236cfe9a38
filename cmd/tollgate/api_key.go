package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/models/apikey"
	"tollgate/models/input"
	"tollgate/models/permission"
)

const allScopes = "all"

func (p *program) apiKeyCommand() *cli.Command {
	return &cli.Command{
		Name:   "api-key",
		Usage:  "manage the keys of the API",
		Action: chooseSubcommand,
		Commands: []*cli.Command{{
			Name:        "create",
			Usage:       "make a key and print its secret, this once",
			Description: "For example: tollgate api-key create --name deploy --scopes AccessProfiles:View,AccessProfiles:Create",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "name", Usage: "the `NAME` it is known by", Required: true},
				&cli.StringFlag{
					Name: "scopes", Usage: "`PERMISSIONS` such as AccessProfiles:View, with commas between, or all",
					Value: allScopes,
				},
			},
			Action: p.createAPIKey,
		}},
	}
}

func (p *program) createAPIKey(ctx context.Context, command *cli.Command) error {
	return p.withDatabase(func(ctx context.Context, s settings, db *db, command *cli.Command) error {
		keys, err := p.keysFor(ctx, s, db)
		if err != nil {
			return err
		}
		in := apikey.Input{
			Name:   input.FormValue(command.String("name")),
			Scopes: input.List[input.Value]{Kind: input.Array, Items: scopes(command.String("scopes"))},
		}
		_, secret, err := apikey.Create(ctx, db.DB, keys, permission.CLI, in)
		if err != nil {
			return refused("create the API key", err)
		}
		_, err = fmt.Fprintln(p.stdout, secret)
		return err
	})(ctx, command)
}

// scopes are those on the command line, which are checked with the key, or all of them.
func scopes(typed string) []input.Value {
	var chosen []input.Value
	if typed == allScopes {
		for _, needed := range permission.AllPermissions() {
			chosen = append(chosen, input.FormValue(string(needed)))
		}
		return chosen
	}
	for scope := range strings.SplitSeq(typed, ",") {
		chosen = append(chosen, input.FormValue(strings.TrimSpace(scope)))
	}
	return chosen
}
