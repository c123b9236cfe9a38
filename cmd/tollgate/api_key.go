package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/models"
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
				&cli.StringFlag{Name: "scopes", Usage: "`PERMISSIONS` such as AccessProfiles:View, with commas between, or all", Value: allScopes},
			},
			Action: p.createAPIKey,
		}},
	}
}

func (p *program) createAPIKey(ctx context.Context, command *cli.Command) error {
	return p.withDatabase(func(ctx context.Context, s settings, db *database, command *cli.Command) error {
		keys, err := keys(s)
		if err != nil {
			return err
		}
		input := models.APIKeyInput{
			Name:   models.Typed(command.String("name")),
			Scopes: models.List[models.Value]{Kind: models.Array, Items: scopes(command.String("scopes"))},
		}
		_, secret, err := models.CreateAPIKey(ctx, db, keys, models.CLI, input)
		if err != nil {
			return refused("create the API key", err)
		}
		_, err = fmt.Fprintln(p.stdout, secret)
		return err
	})(ctx, command)
}

// scopes are those that are typed, which are checked with the key, or all there are.
func scopes(typed string) []models.Value {
	var chosen []models.Value
	if typed == allScopes {
		for _, permission := range models.AllPermissions() {
			chosen = append(chosen, models.Typed(string(permission)))
		}
		return chosen
	}
	for scope := range strings.SplitSeq(typed, ",") {
		chosen = append(chosen, models.Typed(strings.TrimSpace(scope)))
	}
	return chosen
}
