package search

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/policy"
)

// grants is the condition of a provider config that grants a model. A listed name may have "provider/" in front.
const grants = "(g.all_models_allowed OR g.allowed_models && ARRAY[m.model, m.provider || '/' || m.model])"

// countModels compares each list of models once, since copies share theirs, and marks it with a bit for each model it
// grants.
const countModels = `
WITH lists AS (
    SELECT provider_name, all_models_allowed, allowed_models, array_agg(policy_id) AS policies FROM provider_configs
    WHERE provider_name = ANY ($1::text[]) GROUP BY 1, 2, 3
), marked AS MATERIALIZED (
    SELECT g.policies, (SELECT bit_or(1 << m.n::int)
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS m(provider, model, n)
        WHERE m.provider = g.provider_name AND ` + grants + `) AS bits
    FROM lists AS g
), granting AS (
    SELECT p.policy_id, g.bits FROM marked AS g, unnest(g.policies) AS p(policy_id) WHERE g.bits <> 0
)` + countGranting

// countTools does the same for tools.
const countTools = `
WITH m AS (
    SELECT server, tool, 1 << n::int AS bit FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS m(server, tool, n)
), ` + grantingTools + countGranting

// grantingTools marks each policy with the bits of the tools m it grants: those of whole servers, of tool groups and
// of includes, less those of excludes. A tool that its server does not have now is granted with the whole server alone.
const grantingTools = `known AS (
    SELECT m.* FROM m JOIN mcp_servers AS s ON s.client_id = m.server AND m.tool = ANY (s.tools)
), granted AS (
    SELECT p.policy_id, w.bits FROM (SELECT server, bit_or(bit) AS bits FROM m GROUP BY 1) AS w
    JOIN policy_mcp_servers AS p ON p.mcp_server_id = w.server
    UNION ALL
    SELECT p.policy_id, l.bits FROM (
        SELECT s.tool_group_id, bit_or(m.bit) AS bits FROM known AS m
        JOIN tool_group_servers AS s ON s.mcp_client_id = m.server AND s.tool_names && ARRAY[m.tool, '*'] GROUP BY 1
    ) AS l JOIN policy_tool_groups AS p USING (tool_group_id)
    UNION ALL
    SELECT o.policy_id, m.bit FROM known AS m
    JOIN policy_tool_overrides AS o ON o.mcp_client_id = m.server AND o.tool_name = m.tool AND o.action = 'include'
), excluded AS (
    SELECT o.policy_id, bit_or(m.bit) AS bits FROM m
    JOIN policy_tool_overrides AS o ON o.mcp_client_id = m.server AND o.tool_name = m.tool AND o.action = 'exclude'
    GROUP BY 1
), granting AS (
    SELECT g.policy_id, g.bits & ~coalesce(x.bits, 0) AS bits
    FROM granted AS g LEFT JOIN excluded AS x USING (policy_id) WHERE g.bits & ~coalesce(x.bits, 0) <> 0
)`

// countGranting reads each holder once.
const countGranting = `
SELECT n, count(*) FILTER (WHERE of_profile) AS profiles, count(*) FILTER (WHERE NOT of_profile) AS users
FROM (
    SELECT true AS of_profile, bit_or(g.bits) AS bits
    FROM granting AS g JOIN access_profiles AS t USING (policy_id) GROUP BY t.id
    UNION ALL
    SELECT false, bit_or(g.bits)
    FROM granting AS g JOIN user_access_profiles AS c USING (policy_id) WHERE ` + policy.ActiveCopy + ` GROUP BY c.user_id
) AS counted JOIN generate_series(1, cardinality($1::text[])) AS n ON counted.bits & (1 << n) <> 0
GROUP BY n`

// Asked is what is to be called: a model of a provider, or a tool of an MCP server.
type Asked struct {
	Kind     Kind
	Of, Name string
}

// plain is a model without its provider in front of it.
func (a Asked) plain() Asked {
	if a.Kind == Model {
		a.Name = catalogue.BareModel(a.Of, a.Name)
	}
	return a
}

// countCallers counts the profiles that grant each model or each tool among the hits, and the users who may call it.
func countCallers(ctx context.Context, db bun.IDB, kind Kind, hits []Hit) error {
	var owners, names []string
	var of []*Hit
	for i := range hits {
		if hit := &hits[i]; hit.Kind == kind && len(of) < Most {
			hit.Known = true
			asked := Asked{kind, hit.Of, hit.Name}.plain()
			owners, names, of = append(owners, asked.Of), append(names, asked.Name), append(of, hit)
		}
	}
	if len(of) == 0 {
		return nil
	}
	count := countModels
	if kind == Tool {
		count = countTools
	}
	rows, err := database.QueryPlanned(ctx, db, count, owners, names)
	if err != nil {
		return fmt.Errorf("count who may call: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n, profiles, users int64
		if err := rows.Scan(&n, &profiles, &users); err != nil {
			return fmt.Errorf("read how many users may call: %w", err)
		}
		of[n-1].Profiles, of[n-1].Count = profiles, users
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Callers are the profiles that grant a model or a tool, and who may call it.
type Callers struct {
	Asked
	Users    int64 // who hold an active copy that grants it
	Profiles []Granting
	More     bool // there are others, held by fewer
}

// Granting is a profile that grants a model or a tool, or whose copies do.
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

// listModel and listTool select the policies that grant one model or one tool.
const (
	listModel = `granting AS (
    SELECT g.policy_id FROM provider_configs AS g, (SELECT ?0::text AS provider, ?1::text AS model) AS m
    WHERE g.provider_name = m.provider AND ` + grants + `
)`
	listTool = `m AS (SELECT ?0::text AS server, ?1::text AS tool, 1 AS bit), ` + grantingTools
)

// CallersOf lists the profiles that grant a model or a tool, the one with the most holders first. What a user may call
// is what their copies say, which can be behind their profile.
func CallersOf(ctx context.Context, db bun.IDB, asked Asked) (Callers, error) {
	c := Callers{Asked: asked.plain()}
	granting := listModel
	if c.Kind == Tool {
		granting = listTool
	}
	err := db.NewRaw(`
WITH `+granting+`, held AS (
    SELECT c.access_profile_id, c.user_id
    FROM user_access_profiles AS c WHERE c.policy_id IN (SELECT policy_id FROM granting) AND `+policy.ActiveCopy+`
), counted AS (
    SELECT access_profile_id AS id, count(*) AS holders FROM held GROUP BY 1
)
SELECT t.id, t.name, t.is_active AS active, t.policy_id IN (SELECT policy_id FROM granting) AS grants,
       coalesce(counted.holders, 0) AS holders, (SELECT count(DISTINCT user_id) FROM held) AS total
FROM access_profiles AS t LEFT JOIN counted USING (id)
WHERE counted.id IS NOT NULL OR t.policy_id IN (SELECT policy_id FROM granting)
ORDER BY holders DESC, t.name_key LIMIT ?2`, c.Of, c.Name, mostGranting+1).Scan(ctx, &c.Profiles)
	if err != nil {
		return c, fmt.Errorf("list who may call: %w", err)
	}
	if len(c.Profiles) > 0 {
		c.Users = c.Profiles[0].Total
	}
	if c.More = len(c.Profiles) > mostGranting; c.More {
		c.Profiles = c.Profiles[:mostGranting]
	}
	return c, nil
}
