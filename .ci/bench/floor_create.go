package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// create stores a profile with its version and its audit row: one statement a table, in one transaction. It believes
// what it is sent.
func (f *floor) create(c *gin.Context) error {
	var p profile.Profile
	if err := json.NewDecoder(c.Request.Body).Decode(&p); err != nil {
		return err
	}
	p.IsActive, p.Version, p.CreatedAt = true, 1, time.Now().UTC()
	p.UpdatedAt = p.CreatedAt
	err := pgx.BeginFunc(c.Request.Context(), f.db, func(tx pgx.Tx) error {
		policy, err := insertProfile(c.Request.Context(), tx, &p)
		if err != nil {
			return err
		}
		_, err = tx.Exec(c.Request.Context(), `
INSERT INTO floor.access_profile_tags (access_profile_id, tag_key, tag) SELECT $1, t, t FROM unnest($2::text[]) AS t`, p.ID, p.Tags)
		if err != nil {
			return err
		}
		if err := insertPolicy(c.Request.Context(), tx, policy, &p); err != nil {
			return err
		}
		return insertHistory(c.Request.Context(), tx, p)
	})
	if err != nil {
		return err
	}
	body, err := json.Marshal(gin.H{"access_profile": p})
	if err != nil {
		return err
	}
	c.Data(http.StatusCreated, "application/json; charset=utf-8", body)
	return nil
}

func insertProfile(ctx context.Context, tx pgx.Tx, p *profile.Profile) (policy int64, err error) {
	err = tx.QueryRow(ctx, "INSERT INTO floor.policies (calendar_aligned) VALUES ($1) RETURNING id", p.CalendarAligned).
		Scan(&policy)
	if err != nil {
		return 0, err
	}
	return policy, tx.QueryRow(ctx, `
INSERT INTO floor.access_profiles
    (policy_id, name, name_key, description, search_key, tags, tag_keys, is_active, version, policy_version,
        created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11) RETURNING id`,
		policy, p.Name, input.NameKey(p.Name), p.Description, input.Fold(p.Name+"\n"+*p.Description), p.Tags, p.Tags,
		p.IsActive, p.Version,
		p.CreatedAt, p.UpdatedAt).Scan(&p.ID)
}

func insertPolicy(ctx context.Context, tx pgx.Tx, policyID int64, p *profile.Profile) error {
	if err := insertProviders(ctx, tx, policyID, p); err != nil {
		return err
	}
	name(p)
	for _, bulk := range []struct {
		statement string
		rows      [][]any
	}{
		{`INSERT INTO floor.limit_lines (id, kind, provider_name, max_limit, reset_duration, quarter_start_month, position,
    policy_id, created_at)
SELECT a, b, c, d, e, f, g, $8, $9
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::smallint[], $7::integer[]) AS t(a, b, c,
    d, e, f, g)`, ofPolicy(limitRows(*p))},
		{
			"INSERT INTO floor.policy_tool_groups (tool_group_id, position, policy_id) SELECT a, b, $3 FROM unnest($1::bigint[], $2::integer[]) AS t(a, b)",
			without(groupRows(*p)),
		},
		{
			"INSERT INTO floor.policy_mcp_servers (mcp_server_id, position, policy_id) SELECT a, b, $3 FROM unnest($1::text[], $2::integer[]) AS t(a, b)",
			without(serverRows(*p)),
		},
		{`INSERT INTO floor.policy_tool_overrides (mcp_client_id, tool_name, action, position, policy_id)
SELECT a, b, c, d, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[]) AS t(a, b, c, d)`, without(overrideRows(*p))},
	} {
		arguments := append(columns(bulk.rows), policyID)
		if len(bulk.rows[0]) > 4 {
			arguments = append(arguments, p.CreatedAt)
		}
		if _, err := tx.Exec(ctx, bulk.statement, arguments...); err != nil {
			return err
		}
	}
	return nil
}

func insertProviders(ctx context.Context, tx pgx.Tx, policy int64, p *profile.Profile) error {
	statement := "INSERT INTO floor.provider_configs (policy_id, provider_name, all_models_allowed, allowed_models, position) VALUES"
	arguments := []any{policy}
	for i, config := range p.ProviderConfigs {
		if i > 0 {
			statement += ","
		}
		n := len(arguments)
		statement += placeholders(n)
		if config.AllowedModels == nil {
			p.ProviderConfigs[i].AllowedModels = []string{}
		}
		arguments = append(arguments, config.ProviderName, config.AllModelsAllowed, p.ProviderConfigs[i].AllowedModels, i)
	}
	rows, err := tx.Query(ctx, statement+" RETURNING id", arguments...)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for i, id := range ids {
		p.ProviderConfigs[i].ID = id
	}
	return err
}

// name gives limits their ids.
func name(p *profile.Profile) {
	ofScope := func(budgets []policy.Budget, r *policy.RateLimit) {
		for i := range budgets {
			budgets[i].ID, budgets[i].LastReset = uuid.NewString(), p.CreatedAt
		}
		if r != nil {
			r.ID = uuid.NewString()
		}
	}
	for _, config := range p.ProviderConfigs {
		ofScope(config.Budgets, config.RateLimit)
	}
	ofScope(p.Budgets, p.RateLimit)
}

// ofPolicy leaves out of limits what is the same for all of a policy.
func ofPolicy(rows [][]any) [][]any {
	for i, row := range rows {
		rows[i] = slices.Concat(row[:2], row[3:8])
	}
	return rows
}

func insertHistory(ctx context.Context, tx pgx.Tx, p profile.Profile) error {
	snapshot, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
INSERT INTO floor.access_profile_versions (access_profile_id, version, name, description, snapshot, changed_by,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`, p.ID, p.Version, p.Name, p.Description, string(snapshot), "floor", p.CreatedAt)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(snapshot)
	_, err = tx.Exec(ctx, `
INSERT INTO floor.audit_logs (access_profile_id, actor, action, new_values, created_at, hash) VALUES ($1, $2, $3, $4,
    $5, $6)`,
		p.ID, "floor", "create", string(snapshot), p.CreatedAt, sum[:])
	return err
}
