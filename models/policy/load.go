package policy

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/window"
)

// policyRow is a policy as it is stored, without what it allows.
type policyRow struct {
	bun.BaseModel `bun:"table:policies"`

	ID              int64
	CalendarAligned bool
	TimeZone        string
	FailOpenFor     int64
}

// Stored are policies as they are stored, a list a table.
type Stored struct {
	policies  []policyRow
	configs   []ProviderConfig
	limits    []limitRow
	groups    []toolGroupRow
	servers   []serverRow
	overrides []overrideRow
}

// Parts are the queries of the policies that a condition of their ids selects, which has ? for of.
func (s *Stored) Parts(db bun.IDB, condition string, of ...any) []database.Part {
	part := func(rows any) database.Part {
		return database.Part{
			Query: db.NewSelect().Model(rows).Where("policy_id "+condition, of...).Order("policy_id", "position"), Rows: rows,
		}
	}
	policies := db.NewSelect().Model(&s.policies).Column("id", "calendar_aligned", "time_zone", "fail_open_for").
		Where("id "+condition, of...)
	return []database.Part{
		{Query: policies, Rows: &s.policies},
		part(&s.configs), part(&s.limits), part(&s.groups), part(&s.servers), part(&s.overrides),
	}
}

// LoadPolicies reads policies from their tables, one query a table, by id. Lists are in their order and never nil. The
// caller has locked them, or reads in one snapshot: else a concurrent propagation would be seen in part.
func LoadPolicies(ctx context.Context, db bun.IDB, ids []int64) (map[int64]*Policy, error) {
	var s Stored
	if len(ids) == 0 {
		return s.Policies()
	}
	for _, part := range s.Parts(db, "= ANY (?)", pgdialect.Array(ids)) {
		if err := part.Query.Scan(ctx); err != nil {
			return nil, fmt.Errorf("load policies: %w", err)
		}
	}
	return s.Policies()
}

// Policies puts them together, by id.
func (s *Stored) Policies() (map[int64]*Policy, error) {
	policies := make(map[int64]*Policy, len(s.policies))
	for _, row := range s.policies {
		policies[row.ID] = &Policy{
			ProviderConfigs: []ProviderConfig{}, Budgets: []Budget{},
			Calendar:      window.Calendar{CalendarAligned: row.CalendarAligned, TimeZone: row.TimeZone},
			FailOpenFor:   row.FailOpenFor,
			MCPToolGroups: []ToolGroupGrant{}, MCPServers: []ServerGrant{}, MCPToolOverrides: []ToolOverride{},
		}
	}
	for _, config := range s.configs {
		p := policies[config.PolicyID]
		config.Budgets = []Budget{}
		p.ProviderConfigs = append(p.ProviderConfigs, config)
	}
	for rows := s.limits; len(rows) > 0; {
		id, limits := rows[0].PolicyID, []Limit{}
		for len(rows) > 0 && rows[0].PolicyID == id {
			limits, rows = append(limits, rows[0].limit()), rows[1:]
		}
		if err := policies[id].SetLimits(limits); err != nil {
			return nil, fmt.Errorf("load the limits of policies: %w", err)
		}
	}
	for _, row := range s.groups {
		p := policies[row.PolicyID]
		p.MCPToolGroups = append(p.MCPToolGroups, ToolGroupGrant{row.ToolGroupID})
	}
	for _, row := range s.servers {
		p := policies[row.PolicyID]
		p.MCPServers = append(p.MCPServers, ServerGrant{row.MCPServerID})
	}
	for _, row := range s.overrides {
		p := policies[row.PolicyID]
		p.MCPToolOverrides = append(p.MCPToolOverrides, ToolOverride{row.MCPClientID, row.ToolName, row.Action})
	}
	return policies, nil
}
