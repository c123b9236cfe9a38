package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// rareWord is in the description of one profile of those filled in.
const rareWord = "zebrafish"

// filled is what a fill adds to: the ids go on where the last fill ended.
type filled struct {
	url      string
	document []byte // what the profiles are like
	n        int    // so far
}

// filler makes profiles like the one that the console stored, with ids of their own.
type filler struct {
	like     profile.Profile
	from, to int
	at       time.Time
}

// first keeps ids apart from those that the console gave out before.
const first = 1_000_000

// to stores profiles with their policies and first versions straight into the tables, as the console would have stored
// them, until there are n. The first time it makes room.
func (done *filled) to(ctx context.Context, n int) error {
	f := filler{from: done.n, to: n, at: time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)}
	if err := json.Unmarshal(done.document, &f.like); err != nil {
		return fmt.Errorf("read the profile to copy: %w", err)
	}
	db, err := pgx.Connect(ctx, done.url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	if done.n == 0 { // those that are there are of other shapes
		if _, err := db.Exec(ctx, "DELETE FROM user_access_profiles; DELETE FROM access_profiles; DELETE FROM policies"); err != nil {
			return err
		}
	}
	// What is copied refers to the same rows, so nothing has to be looked up again.
	if _, err := db.Exec(ctx, "SET session_replication_role = replica; SET statement_timeout = 0"); err != nil {
		return err
	}
	for _, table := range fillTables {
		if err := f.copy(ctx, db, table); err != nil {
			return fmt.Errorf("fill %s: %w", table.name, err)
		}
	}
	for _, table := range fillTables {
		if _, err := db.Exec(ctx, "VACUUM (ANALYZE) "+pgx.Identifier{table.name}.Sanitize()); err != nil {
			return err
		}
	}
	done.n = n
	_, err = db.Exec(ctx, "UPDATE audit_head SET access_profiles = (SELECT count(*) FROM access_profiles)")
	return err
}

// fillTable says which rows of a table a profile has.
type fillTable struct {
	name    string
	columns []string
	rows    func(p profile.Profile) [][]any
}

func (f filler) copy(ctx context.Context, db *pgx.Conn, table fillTable) error {
	next, waiting := f.from, [][]any(nil)
	_, err := db.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, pgx.CopyFromFunc(func() ([]any, error) {
		for len(waiting) == 0 {
			if next == f.to {
				return nil, nil
			}
			waiting = table.rows(f.profile(next))
			next++
		}
		row := waiting[0]
		waiting = waiting[1:]
		return row, nil
	}))
	return err
}

// profile is the i-th of those to store; its policy has the same id as itself.
func (f filler) profile(i int) profile.Profile {
	p := f.like
	p.ID = int64(first + i)
	// Names in no order of the ids, as users give them.
	p.Name = fmt.Sprintf("Profile %08d", (i*7919)%1_000_003)
	description := *f.like.Description
	if i == f.to/2 {
		description += " One of them studies the " + rareWord + "."
	}
	p.Description = &description
	p.CreatedAt, p.UpdatedAt = f.at.Add(time.Duration(i)*time.Millisecond), f.at.Add(time.Duration(i)*time.Millisecond)
	lines := 0
	lineID := func() string {
		lines++
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", p.ID, lines)
	}
	budgets := func(like []policy.Budget) []policy.Budget {
		own := append([]policy.Budget{}, like...)
		for k := range own {
			own[k].ID, own[k].LastReset = lineID(), p.CreatedAt
		}
		return own
	}
	limit := func(like *policy.RateLimit) *policy.RateLimit {
		if like == nil {
			return nil
		}
		own := *like
		own.ID = lineID()
		return &own
	}
	p.ProviderConfigs = append([]policy.ProviderConfig{}, p.ProviderConfigs...)
	for k := range p.ProviderConfigs {
		config := &p.ProviderConfigs[k]
		config.ID, config.Budgets, config.RateLimit = p.ID*100+int64(k), budgets(config.Budgets), limit(config.RateLimit)
	}
	p.Budgets, p.RateLimit = budgets(p.Budgets), limit(p.RateLimit)
	return p
}

var fillTables = []fillTable{
	{
		"policies",
		[]string{"id", "calendar_aligned"},
		func(p profile.Profile) [][]any { return [][]any{{p.ID, p.CalendarAligned}} },
	},
	{
		"provider_configs",
		[]string{"id", "policy_id", "provider_name", "all_models_allowed", "allowed_models", "position"},
		providerRows,
	},
	{
		"limit_lines",
		[]string{
			"id", "kind", "policy_id", "provider_name", "max_limit", "reset_duration", "quarter_start_month", "position",
			"created_at",
		},
		limitRows,
	},
	{"policy_tool_groups", []string{"policy_id", "tool_group_id", "position"}, groupRows},
	{"policy_mcp_servers", []string{"policy_id", "mcp_server_id", "position"}, serverRows},
	{"policy_tool_overrides", []string{"policy_id", "mcp_client_id", "tool_name", "action", "position"}, overrideRows},
	{
		"access_profiles",
		[]string{
			"id", "policy_id", "name", "name_key", "description", "search_key", "tags", "tag_keys", "is_active", "version",
			"policy_version",
			"created_at", "updated_at",
		},
		func(p profile.Profile) [][]any {
			keys := make([]string, len(p.Tags))
			for i, tag := range p.Tags {
				keys[i] = input.FoldCase(tag)
			}
			return [][]any{{
				p.ID, p.ID, p.Name, input.NameKey(p.Name), p.Description, input.Fold(p.Name + "\n" + *p.Description), p.Tags, keys,
				p.IsActive,
				p.Version, p.Version, p.CreatedAt, p.UpdatedAt,
			}}
		},
	},
	{
		"access_profile_tags",
		[]string{"access_profile_id", "tag_key", "tag"},
		func(p profile.Profile) (rows [][]any) {
			for _, tag := range p.Tags {
				rows = append(rows, []any{p.ID, input.FoldCase(tag), tag})
			}
			return rows
		},
	},
	{
		"access_profile_versions",
		[]string{"id", "access_profile_id", "version", "name", "description", "snapshot", "changed_by", "created_at"},
		func(p profile.Profile) [][]any {
			snapshot, err := json.Marshal(p)
			if err != nil {
				panic("encode profile " + strconv.FormatInt(p.ID, 10) + ": " + err.Error()) // our own types always encode
			}
			return [][]any{{p.ID, p.ID, p.Version, p.Name, p.Description, string(snapshot), "bench", p.CreatedAt}}
		},
	},
}
