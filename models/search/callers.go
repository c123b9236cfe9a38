package search

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/catalogue"
	"tollgate/models/database"
)

// active is the condition of a copy c that grants something now.
const active = "c.is_active AND (c.from_role OR c.expires_at IS NULL OR c.expires_at > now())"

// grants is the condition of a provider config that grants a model. A listed name may have "provider/" in front.
const grants = "(g.all_models_allowed OR g.allowed_models && ARRAY[m.model, m.provider || '/' || m.model])"

// selectCallers compares each list of models once, since copies share theirs, marks it with a bit for each model it
// grants, and reads each holder once.
const selectCallers = `
WITH lists AS (
    SELECT provider_name, all_models_allowed, allowed_models, array_agg(policy_id) AS policies FROM provider_configs
    WHERE provider_name = ANY ($1::text[]) GROUP BY 1, 2, 3
), marked AS MATERIALIZED (
    SELECT g.policies, (SELECT bit_or(1 << m.n::int)
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS m(provider, model, n)
        WHERE m.provider = g.provider_name AND ` + grants + `) AS models
    FROM lists AS g
), granting AS (
    SELECT p.policy_id, g.models FROM marked AS g, unnest(g.policies) AS p(policy_id) WHERE g.models <> 0
)
SELECT n, count(*) FILTER (WHERE of_profile) AS profiles, count(*) FILTER (WHERE NOT of_profile) AS users
FROM (
    SELECT true AS of_profile, bit_or(g.models) AS models
    FROM granting AS g JOIN access_profiles AS t USING (policy_id) GROUP BY t.id
    UNION ALL
    SELECT false, bit_or(g.models)
    FROM granting AS g JOIN user_access_profiles AS c USING (policy_id) WHERE ` + active + ` GROUP BY c.user_id
) AS counted JOIN generate_series(1, cardinality($1::text[])) AS n ON counted.models & (1 << n) <> 0
GROUP BY n`

// countCallers counts the profiles that grant each model among the hits, and the users who may call it.
func countCallers(ctx context.Context, db bun.IDB, hits []Hit) error {
	var providers, models []string
	var of []*Hit
	for i := range hits {
		if hit := &hits[i]; hit.Kind == Model && len(of) < Most {
			hit.Known = true
			providers, models = append(providers, hit.Of), append(models, catalogue.BareModel(hit.Of, hit.Name))
			of = append(of, hit)
		}
	}
	if len(of) == 0 {
		return nil
	}
	rows, err := database.QueryPlanned(ctx, db, selectCallers, providers, models)
	if err != nil {
		return fmt.Errorf("count who may call models: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n, profiles, users int64
		if err := rows.Scan(&n, &profiles, &users); err != nil {
			return fmt.Errorf("read how many users may call a model: %w", err)
		}
		of[n-1].Profiles, of[n-1].Count = profiles, users
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Callers are the profiles that grant a model, and who may call it.
type Callers struct {
	Provider, Model string
	Users           int64 // who hold an active copy that grants it
	Profiles        []Granting
	More            bool // there are others, held by fewer
}

// Granting is a profile that grants a model, or whose copies do.
type Granting struct {
	ID      int64
	Name    string
	Active  bool
	Grants  bool  // false when only copies from an older version do
	Holders int64 // of active copies that grant it
	Total   int64 // holders of all such profiles, each once
}

// mostGranting is how many profiles are listed.
const mostGranting = 100

// CallersOf lists the profiles that grant a model, the one with the most holders first. What a user may call is what
// their copies say, which can be behind their profile.
func CallersOf(ctx context.Context, db bun.IDB, provider, model string) (Callers, error) {
	c := Callers{Provider: provider, Model: catalogue.BareModel(provider, model)}
	err := db.NewRaw(`
WITH granting AS (
    SELECT g.policy_id FROM provider_configs AS g, (SELECT ?0::text AS provider, ?1::text AS model) AS m
    WHERE g.provider_name = m.provider AND `+grants+`
), held AS (
    SELECT c.access_profile_id, c.user_id
    FROM user_access_profiles AS c JOIN granting USING (policy_id) WHERE `+active+`
), counted AS (
    SELECT access_profile_id AS id, count(*) AS holders FROM held GROUP BY 1
)
SELECT t.id, t.name, t.is_active AS active, t.policy_id IN (SELECT policy_id FROM granting) AS grants,
       coalesce(counted.holders, 0) AS holders, (SELECT count(DISTINCT user_id) FROM held) AS total
FROM access_profiles AS t LEFT JOIN counted USING (id)
WHERE counted.id IS NOT NULL OR t.policy_id IN (SELECT policy_id FROM granting)
ORDER BY holders DESC, t.name_key LIMIT ?2`, provider, c.Model, mostGranting+1).Scan(ctx, &c.Profiles)
	if err != nil {
		return c, fmt.Errorf("list who may call a model: %w", err)
	}
	if len(c.Profiles) > 0 {
		c.Users = c.Profiles[0].Total
	}
	if c.More = len(c.Profiles) > mostGranting; c.More {
		c.Profiles = c.Profiles[:mostGranting]
	}
	return c, nil
}
