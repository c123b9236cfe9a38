package schema

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/input"
)

// foldedTables are the tables whose names are unique, each with the column that orders its rows by age.
var foldedTables = []struct{ table, id, age string }{
	{"access_profiles", "id", "id"},
	{"roles", "id", "id"},
	{"api_keys", "id", "id"},
	{"tool_groups", "id", "id"},
	{"mcp_servers", "client_id", "created_at"},
	{"virtual_keys", "id", "created_at"},
}

// foldNames folds the keys of stored names once, by the rule that compatible characters are equal. Of two names that
// are equal by that rule the older one gets the key; the newer keeps its key until it is renamed, so that both stay
// usable.
func foldNames(ctx context.Context, tx bun.Tx) error {
	const repair = "names by NFKC"
	var due bool
	err := tx.NewRaw("SELECT to_regclass('data_repairs') IS NOT NULL").Scan(ctx, &due)
	if err != nil || !due {
		return err
	}
	if err := tx.NewRaw("SELECT NOT EXISTS (SELECT FROM data_repairs WHERE name = ?)", repair).
		Scan(ctx, &due); err != nil || !due {
		return err
	}
	for _, t := range foldedTables {
		if err := foldTable(ctx, tx, t.table, t.id, t.age); err != nil {
			return fmt.Errorf("fold the names of %s: %w", t.table, err)
		}
	}
	if err := foldSearch(ctx, tx); err != nil {
		return fmt.Errorf("fold what is searched: %w", err)
	}
	_, err = tx.NewRaw("INSERT INTO data_repairs (name) VALUES (?)", repair).Exec(ctx)
	return err
}

func foldTable(ctx context.Context, tx bun.Tx, table, id, age string) error {
	// An older console may be running: the lock keeps new names out between the check and the change.
	if _, err := tx.NewRaw("LOCK TABLE ? IN SHARE ROW EXCLUSIVE MODE", bun.Ident(table)).Exec(ctx); err != nil {
		return err
	}
	var rows []struct{ ID, Name, NameKey string }
	err := tx.NewRaw("SELECT ?0::text AS id, name, name_key FROM ?1 WHERE name ~ '[^\\x01-\\x7f]' ORDER BY ?2, ?0",
		bun.Ident(id), bun.Ident(table), bun.Ident(age)).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	for _, row := range rows {
		key := input.NameKey(row.Name)
		if key == row.NameKey {
			continue
		}
		_, err := tx.NewRaw("UPDATE ?0 SET name_key = ?1 "+
			"WHERE ?2::text = ?3 AND NOT EXISTS (SELECT FROM ?0 WHERE name_key = ?1)",
			bun.Ident(table), key, bun.Ident(id), row.ID).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

// foldSearch rewrites the search keys of profiles.
func foldSearch(ctx context.Context, tx bun.Tx) error {
	var rows []struct {
		ID        int64
		SearchKey string
	}
	if err := tx.NewRaw("SELECT id, search_key FROM access_profiles WHERE search_key ~ '[^\\x01-\\x7f]'").
		Scan(ctx, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		folded := input.Fold(row.SearchKey) // folding is idempotent
		if folded == row.SearchKey {
			continue
		}
		if _, err := tx.NewRaw("UPDATE access_profiles SET search_key = ? WHERE id = ?", folded, row.ID).
			Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
