package sample

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/secret"
)

// Catalogue adds sample providers, MCP servers and tool groups, so that a first profile can be built at once. Rows that
// exist stay as they are.
func Catalogue(ctx context.Context, db bun.IDB, actor permission.Actor) error {
	for _, sample := range sampleProviders {
		err := seed(ctx, db, "providers", "name", sample.name, func() error {
			_, err := catalogue.CreateProvider(ctx, db, actor, catalogue.ProviderInput{
				Name: input.SampleText(sample.name), Models: input.SampleTexts(sample.items),
				Prices: catalogue.PriceLines(sample.prices),
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, sample := range sampleServers {
		err := seed(ctx, db, "mcp_servers", "name_key", input.NameKey(sample.name), func() error {
			_, err := mcptool.CreateServer(ctx, db, secret.Keys{}, actor, mcptool.ServerInput{
				Name: input.SampleText(sample.name), URL: input.FormValue(sample.url), Tools: input.SampleTexts(sample.items),
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, sample := range sampleGroups {
		err := seed(ctx, db, "tool_groups", "name_key", input.NameKey(sample.name), func() error {
			_, err := mcptool.CreateToolGroup(ctx, db, actor, sample.input())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// First adds what a first profile is built from, with a profile and a person to try it with. The person may do nothing
// in the console. Rows that exist stay as they are.
func First(ctx context.Context, db bun.IDB, actor permission.Actor) error {
	if err := Catalogue(ctx, db, actor); err != nil {
		return err
	}
	groups, err := groupIDs(ctx, db)
	if err != nil {
		return err
	}
	first := sampleProfiles[0]
	err = seed(ctx, db, "access_profiles", "name_key", input.NameKey(first.name), func() error {
		_, err := profile.Create(ctx, db, actor, first.input(groups))
		return err
	})
	if err != nil {
		return err
	}
	name, email := samplePerson(0)
	return seed(ctx, db, "users", "email_key", input.FoldCase(email), func() error {
		_, err := account.CreateUser(ctx, db, &password.Hasher{}, actor, identity.UserInput{
			Name: input.SampleText(name), Email: input.SampleText(email),
		})
		return err
	})
}

// Seed adds the sample catalogue, the access profiles and the users of a believable company. Rows that exist stay as
// they are.
func Seed(ctx context.Context, db *bun.DB, keys secret.Keys, actor permission.Actor) error {
	if err := Catalogue(ctx, db, actor); err != nil {
		return err
	}
	groups, err := groupIDs(ctx, db)
	if err != nil {
		return err
	}
	made := map[string]int64{}
	for _, sample := range sampleProfiles {
		err := seed(ctx, db, "access_profiles", "name_key", input.NameKey(sample.name), func() error {
			shown, err := profile.Create(ctx, db, actor, sample.input(groups))
			made[sample.name] = shown.ID
			return err
		})
		if err != nil {
			return err
		}
	}
	added, err := seedPeople(ctx, db, actor)
	if err != nil {
		return err
	}
	if len(added) == 0 {
		return nil
	}
	now, err := database.Clock(ctx, db)
	if err != nil {
		return err
	}
	return seedHistory(ctx, db, keys, actor, made, added, now)
}

// seed creates a row unless it exists, or earlier rows lack what it names.
func seed(ctx context.Context, db bun.IDB, table, column, key string, create func() error) error {
	exists, err := db.NewSelect().Table(table).Where("? = ?", bun.Ident(column), key).Exists(ctx)
	if err != nil {
		return fmt.Errorf("look for sample %s: %w", key, err)
	}
	if exists {
		return nil
	}
	var refusal *problem.Refusal
	err = create()
	if errors.As(err, &refusal) && refusal.Reason == problem.Invalid {
		return nil
	}
	if err != nil {
		return fmt.Errorf("add sample %s: %w", key, err)
	}
	return nil
}

// groupIDs maps the names of the tool groups, folded, to their ids.
func groupIDs(ctx context.Context, db bun.IDB) (map[string]int64, error) {
	var rows []struct {
		ID      int64
		NameKey string
	}
	if err := db.NewSelect().Table("tool_groups").Column("id", "name_key").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look up tool groups: %w", err)
	}
	ids := make(map[string]int64, len(rows))
	for _, row := range rows {
		ids[row.NameKey] = row.ID
	}
	return ids, nil
}
