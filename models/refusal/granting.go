package refusal

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// mostGranting is how many profiles that have a model are named.
const mostGranting = 3

// asking splits names with their provider; hasModel finds them in the provider configs g of the profiles t.
const (
	asking = `(SELECT DISTINCT asked, split_part(asked, '/', 1) AS provider, substr(asked, strpos(asked, '/') + 1) AS model
    FROM unnest(?0::text[]) AS asked WHERE asked LIKE '%/%') AS m`
	hasModel = `t.policy_id = g.policy_id AND t.is_active AND g.provider_name = m.provider
    AND (g.all_models_allowed OR g.allowed_models && ARRAY[m.model, m.asked])`
)

// Granting returns the first active profiles that have each of the models, by name.
func Granting(ctx context.Context, db bun.IDB, asked []string) (map[string][]Profile, error) {
	by := map[string][]Profile{}
	if len(asked) == 0 {
		return by, nil
	}
	var found []struct {
		Asked string
		Profile
	}
	err := db.NewRaw(`
SELECT m.asked, t.id, t.name FROM `+asking+` CROSS JOIN LATERAL (
    SELECT DISTINCT t.id, t.name, t.name_key FROM provider_configs AS g JOIN access_profiles AS t ON `+hasModel+`
    ORDER BY t.name_key LIMIT ?1
) AS t`, pgdialect.Array(asked), mostGranting).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look up profiles that have a model: %w", err)
	}
	for _, f := range found {
		by[f.Asked] = append(by[f.Asked], f.Profile)
	}
	return by, nil
}

// HasModel reports whether an active profile has a model.
func HasModel(ctx context.Context, db bun.IDB, profile int64, asked string) (has bool, err error) {
	err = db.NewRaw("SELECT EXISTS (SELECT FROM "+asking+", provider_configs AS g, access_profiles AS t "+
		"WHERE t.id = ?1 AND "+hasModel+")",
		pgdialect.Array([]string{asked}), profile).Scan(ctx, &has)
	if err != nil {
		return false, fmt.Errorf("look up whether a profile has a model: %w", err)
	}
	return has, nil
}

// AddGranting adds the active profiles that have the models that were refused because a profile lacks them.
func AddGranting(ctx context.Context, db bun.IDB, rows []Row) error {
	asked := []string{}
	for _, r := range rows {
		if r.lacking() {
			asked = append(asked, r.Asked)
		}
	}
	by, err := Granting(ctx, db, asked)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].lacking() {
			rows[i].GrantedBy = by[rows[i].Asked]
		}
	}
	return nil
}
