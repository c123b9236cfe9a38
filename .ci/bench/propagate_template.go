package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// template is a profile that every member of a role holds.
type template struct {
	*bench
	db    *pgx.Conn // as the owner of the tables
	id    int64
	edits int
}

func (t *template) path() string { return fmt.Sprintf("/api/access-profiles/%d", t.id) }

// handOut makes the profile, the role and its users, assigns the profile, and counts some usage for each copy.
func (b *bench) handOut(ctx context.Context) (*template, error) {
	db, err := pgx.Connect(ctx, b.socket.URL(ownerRole))
	if err != nil {
		return nil, err
	}
	t := &template{bench: b, db: db}
	role, err := t.recruit(ctx)
	if err != nil {
		return nil, err
	}
	var created struct {
		Profile struct {
			ID int64 `json:"id"`
		} `json:"access_profile"`
	}
	if _, err := b.console.ask(ctx, http.MethodPost, "/api/access-profiles", t.body(), &created); err != nil {
		return nil, err
	}
	t.id = created.Profile.ID
	begin := time.Now()
	if err := t.give(ctx, role); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	b.add(line{
		id: "P6", what: fmt.Sprintf("hand out to %d users, a key each", holders),
		ours: fmt.Sprintf("%s, %.0f/s", brief(took), holders/took.Seconds()),
	})
	return t, t.settle(ctx)
}

// give assigns the profile to every member of the role.
func (t *template) give(ctx context.Context, role int64) error {
	var given struct {
		Applied int `json:"users_applied"`
	}
	body := map[string]any{"role_ids": []int64{role}, "apply_to_existing": true}
	if _, err := t.console.ask(ctx, http.MethodPost, t.path()+"/roles", body, &given); err != nil {
		return err
	}
	if given.Applied != holders {
		return fmt.Errorf("%d users got a copy instead of %d", given.Applied, holders)
	}
	return nil
}

// recruit stores the users straight into the table.
func (t *template) recruit(ctx context.Context) (role int64, err error) {
	err = t.db.QueryRow(ctx, "INSERT INTO roles (name, name_key) VALUES ('Holders', 'holders') RETURNING id").Scan(&role)
	if err != nil {
		return 0, err
	}
	_, err = t.db.Exec(ctx, `
INSERT INTO users (id, name, email, email_key, role_id)
SELECT 'holder-' || n, 'Holder ' || n, 'holder-' || n || '@bench.example', 'holder-' || n || '@bench.example', $1
    FROM generate_series(1, $2) AS n`,
		role, holders)
	return role, err
}

// settle counts something at every line, and does what autovacuum does within its minute.
func (t *template) settle(ctx context.Context) error {
	policies, err := t.policies(ctx)
	if err != nil {
		return err
	}
	if _, err := t.db.Exec(ctx, "SET statement_timeout = '60s'"); err != nil {
		return err
	}
	if _, err := t.db.Exec(ctx, countUsage, policies, providersUsed); err != nil {
		return fmt.Errorf("count the first usage: %w", err)
	}
	_, err = t.db.Exec(ctx, "VACUUM (ANALYZE)")
	return err
}

// policies are those of the copies, in the order of their ids.
func (t *template) policies(ctx context.Context) ([]int64, error) {
	rows, err := t.db.Query(ctx, "SELECT policy_id FROM user_access_profiles WHERE access_profile_id = $1 ORDER BY id",
		t.id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// edit changes every budget and every limit.
func (t *template) edit(ctx context.Context) error {
	t.edits++
	_, err := t.console.ask(ctx, http.MethodPut, t.path(), t.body(), nil)
	return err
}

var providersUsed = []string{"anthropic", "openai", "mistral"}

// body has 18 rows of a policy: 3 providers, 8 budgets, 4 rate limits of tokens and requests, a tool group, an MCP server and a tool.
func (t *template) body() any {
	type fields = map[string]any
	budgets := func() []fields {
		return []fields{
			{"max_limit": 50 + t.edits, "reset_duration": "1d"},
			{"max_limit": 900 + t.edits, "reset_duration": "1M"},
		}
	}
	limit := func() fields {
		return fields{
			"token_max_limit": 2_000_000 + t.edits, "token_reset_duration": "1h", "request_max_limit": 6_000 + t.edits,
			"request_reset_duration": "1d",
		}
	}
	var providers []fields
	for _, name := range providersUsed {
		providers = append(providers, fields{
			"provider_name": name, "all_models_allowed": true, "budgets": budgets(),
			"rate_limit": limit(),
		})
	}
	return fields{
		"name": "Held by everybody", "calendar_aligned": true, "provider_configs": providers, "budgets": budgets(),
		"rate_limit":      limit(),
		"mcp_tool_groups": []fields{{"tool_group_id": t.group}}, "mcp_servers": []fields{{"mcp_server_id": "filesystem"}},
		"mcp_tool_overrides": []fields{{"mcp_client_id": "jira", "tool_name": "getJiraIssue", "action": "include"}},
	}
}

// checkCopies makes sure that every copy's lines say what the last edit said.
func (t *template) checkCopies(ctx context.Context) error {
	var limits int
	err := t.db.QueryRow(ctx, `
SELECT count(*) FROM user_access_profiles AS c JOIN limit_lines AS l USING (policy_id) WHERE c.access_profile_id = $1
    AND l.max_limit = CASE WHEN l.kind = 'tokens' THEN 2000000 + $2 WHEN l.kind = 'requests' THEN 6000 + $2
        ELSE (CASE l.reset_duration WHEN '1d' THEN 50 ELSE 900 END + $2) * 1000000000::bigint END`, t.id, t.edits).Scan(&limits)
	if err == nil && limits != 16*holders {
		err = fmt.Errorf("%d limits were changed, %d should be", limits, 16*holders)
	}
	return err
}
