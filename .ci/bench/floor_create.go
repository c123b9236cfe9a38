package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
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
    (policy_id, name, name_key, description, search_key, tags, tag_keys, is_active, version, policy_version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11) RETURNING id`,
		policy, p.Name, input.NameKey(p.Name), p.Description, input.Fold(p.Name+"\n"+*p.Description), p.Tags, p.Tags,
		p.IsActive, p.Version,
		p.CreatedAt, p.UpdatedAt).Scan(&p.ID)
}

func insertPolicy(ctx context.Context, tx pgx.Tx, policyID int64, p *profile.Profile) error {
	if err := insertProviders(ctx, tx, policyID, p); err != nil {
		return err
	}
	var budgets, limits [][]any
	for i := range p.ProviderConfigs {
		config := &p.ProviderConfigs[i]
		budgets = append(budgets, budgetRows(&config.ID, config.Scope(), config.Budgets, p.CreatedAt)...)
		limits = append(limits, limitRows(&config.ID, config.RateLimit)...)
	}
	budgets = append(budgets, budgetRows(nil, policy.Scope{}, p.Budgets, p.CreatedAt)...)
	limits = append(limits, limitRows(nil, p.RateLimit)...)
	for _, bulk := range []struct {
		statement string
		rows      [][]any
	}{
		{`INSERT INTO floor.budgets (id, provider_config_id, max_limit, reset_duration, position, policy_id, created_at)
SELECT a, b, c, d, e, $6, $7 FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::integer[]) AS t(a, b, c, d, e)`, budgets},
		{`INSERT INTO floor.rate_limits
    (id, provider_config_id, token_max_limit, token_reset_duration, request_max_limit, request_reset_duration, policy_id, created_at)
SELECT a, b, c, d, e, f, $7, $8
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[]) AS t(a, b, c, d, e, f)`, limits},
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

func budgetRows(config *int64, scope policy.Scope, budgets []policy.Budget, at time.Time) (rows [][]any) {
	for i := range budgets {
		b := &budgets[i]
		b.ID, b.Scope, b.LastReset = uuid.NewString(), scope, at
		rows = append(rows, []any{b.ID, config, int64(b.MaxLimit), b.ResetDuration, i})
	}
	return rows
}

func limitRows(config *int64, r *policy.RateLimit) [][]any {
	if r == nil {
		return nil
	}
	r.ID = uuid.NewString()
	return [][]any{{r.ID, config, r.TokenMaxLimit, r.TokenResetDuration, r.RequestMaxLimit, r.RequestResetDuration}}
}

func insertHistory(ctx context.Context, tx pgx.Tx, p profile.Profile) error {
	snapshot, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
INSERT INTO floor.access_profile_versions (access_profile_id, version, name, description, snapshot, changed_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`, p.ID, p.Version, p.Name, p.Description, string(snapshot), "floor", p.CreatedAt)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(snapshot)
	_, err = tx.Exec(ctx, `
INSERT INTO floor.audit_logs (access_profile_id, actor, action, new_values, created_at, hash) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.ID, "floor", "create", string(snapshot), p.CreatedAt, sum[:])
	return err
}
