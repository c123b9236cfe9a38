package profile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// statements counts what is sent to the database, BEGIN and COMMIT included.
type statements struct{ n atomic.Int64 }

func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *statements) AfterQuery(context.Context, *bun.QueryEvent) { s.n.Add(1) }

func budget(amount, duration string) policy.BudgetInput {
	return policy.BudgetInput{Row: modelstest.Object(), MaxLimit: modelstest.Literal(amount), ResetDuration: modelstest.Word(duration)}
}

func budgets(lines ...policy.BudgetInput) input.List[policy.BudgetInput] {
	return input.List[policy.BudgetInput]{Kind: input.Array, Items: lines}
}

// large is a profile with 100 providers, of which each has a rate limit, and 100 budgets.
func large(t testing.TB, db *bun.DB) profile.Input {
	t.Helper()
	in := profile.Input{Row: modelstest.Object(), Name: modelstest.Word("Large")}
	in.ProviderConfigs.Kind = input.Array
	for i := range 100 {
		name := fmt.Sprintf("provider-%d", i)
		if _, err := db.Exec("INSERT INTO providers (name, models) VALUES (?, '{m}')", name); err != nil {
			t.Fatal(err)
		}
		in.ProviderConfigs.Items = append(in.ProviderConfigs.Items, policy.ProviderConfigInput{
			Row: modelstest.Object(), ProviderName: modelstest.Word(name), Budgets: budgets(budget("1.5", "1d")),
			AllModelsAllowed: input.Value{Kind: input.Bool, Text: "true"},
			RateLimit:        policy.RateLimitInput{Row: modelstest.Object(), RequestMaxLimit: modelstest.Literal("60"), RequestResetDuration: modelstest.Word("1h")},
		})
	}
	for _, query := range []string{
		"INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('github', 'github', 'github', '{create_issue,delete_repo}')",
		"INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('jira', 'jira', 'jira', '{t}')",
		"INSERT INTO tool_groups (id, name, name_key) VALUES (1, 'g', 'g')",
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	in.MCPToolGroups = input.List[policy.ToolGroupGrantInput]{Kind: input.Array, Items: []policy.ToolGroupGrantInput{{Row: modelstest.Object(), ToolGroupID: modelstest.Literal("1")}}}
	in.MCPServers = input.List[policy.ServerGrantInput]{Kind: input.Array, Items: []policy.ServerGrantInput{{Row: modelstest.Object(), MCPServerID: modelstest.Word("github")}}}
	in.MCPToolOverrides = input.List[policy.ToolOverrideInput]{Kind: input.Array, Items: []policy.ToolOverrideInput{
		{Row: modelstest.Object(), MCPClientID: modelstest.Word("jira"), ToolName: modelstest.Word("t"), Action: modelstest.Word("include")},
	}}
	return in
}

func TestSavingALargeProfileTakesADozenStatements(t *testing.T) {
	db := dbtest.New(t)
	in := large(t, db)
	hook := &statements{}
	counted := db.WithQueryHook(hook)
	created, err := profile.Create(t.Context(), counted, permission.CLI, in)
	if err != nil {
		t.Fatal(err)
	}
	if n := hook.n.Swap(0); n > 12 {
		t.Errorf("create took %d statements", n)
	}
	// Everything changes at once: lines, limits, selections, and a provider less.
	in.Name, in.ProviderConfigs.Items = modelstest.Word("Larger"), in.ProviderConfigs.Items[1:]
	for i := range in.ProviderConfigs.Items {
		in.ProviderConfigs.Items[i].Budgets = budgets(budget("2", "1d"))
		in.ProviderConfigs.Items[i].RateLimit.RequestMaxLimit = modelstest.Literal("61")
	}
	in.Budgets = budgets(budget("5", "1M"))
	in.MCPServers = input.List[policy.ServerGrantInput]{Kind: input.Array, Items: []policy.ServerGrantInput{{Row: modelstest.Object(), MCPServerID: modelstest.Word("jira")}}}
	updated, err := profile.Update(t.Context(), counted, permission.CLI, created.ID, nil, in)
	if err != nil {
		t.Fatal(err)
	}
	if n := hook.n.Swap(0); n > 12 {
		t.Errorf("update took %d statements", n)
	}
	if len(updated.ProviderConfigs) != 99 || updated.ProviderConfigs[0].ID != created.ProviderConfigs[1].ID ||
		updated.ProviderConfigs[0].Budgets[0].ID != created.ProviderConfigs[1].Budgets[0].ID ||
		updated.ProviderConfigs[0].RateLimit.ID != created.ProviderConfigs[1].RateLimit.ID {
		t.Error("a provider, budget or limit that stayed lost its id")
	}
	requireStored(t, db, updated)
}

// requireStored compares the profile's document with what its tables hold.
func requireStored(t *testing.T, db *bun.DB, want profile.Profile) {
	t.Helper()
	document, err := profile.Document(t.Context(), db, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	var fromDocument, fromTables any
	if err := json.Unmarshal(document, &fromDocument); err != nil {
		t.Fatal(err)
	}
	var text string
	if err := db.NewRaw(assembled, want.ID).Scan(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &fromTables); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"created_at", "updated_at"} {
		delete(fromDocument.(map[string]any), key)
	}
	if !reflect.DeepEqual(fromDocument, fromTables) {
		a, _ := json.Marshal(fromDocument)
		b, _ := json.Marshal(fromTables)
		t.Errorf("the document and the tables differ:\n%s\n%s", a, b)
	}
}

// assembled builds a profile's document from its tables alone.
const assembled = `
WITH lines AS (
    SELECT b.policy_id, b.provider_name, b.position, jsonb_strip_nulls(jsonb_build_object('id', b.id,
        'max_limit', trim_scale(b.max_limit / 1e9::numeric), 'reset_duration', b.reset_duration,
        'reset_config', CASE WHEN b.quarter_start_month IS NOT NULL THEN jsonb_build_object('quarter_start_month', b.quarter_start_month) END,
        'scope', coalesce('provider:' || b.provider_name, 'total'), 'current_usage', 0,
        'last_reset', rtrim(rtrim(to_char(b.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z')) AS doc
    FROM limit_lines b WHERE b.kind = 'spend'
), limits AS (
    SELECT policy_id, provider_name, jsonb_strip_nulls(jsonb_build_object('id', id,
        'token_max_limit', max(max_limit) FILTER (WHERE kind = 'tokens'), 'token_reset_duration', max(reset_duration) FILTER (WHERE kind = 'tokens'),
        'request_max_limit', max(max_limit) FILTER (WHERE kind = 'requests'), 'request_reset_duration', max(reset_duration) FILTER (WHERE kind = 'requests'),
        'token_current_usage', 0, 'request_current_usage', 0)) AS doc FROM limit_lines WHERE kind <> 'spend' GROUP BY policy_id, provider_name, id
)
SELECT (jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description, 'is_active', p.is_active, 'version', p.version, 'tags', p.tags,
    'provider_configs', coalesce((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'provider_name', c.provider_name,
            'all_models_allowed', c.all_models_allowed, 'allowed_models', c.allowed_models,
            'budgets', coalesce((SELECT jsonb_agg(doc ORDER BY position) FROM lines WHERE policy_id = c.policy_id AND provider_name = c.provider_name), '[]'),
            'rate_limit', (SELECT doc FROM limits WHERE policy_id = c.policy_id AND provider_name = c.provider_name))) ORDER BY c.position)
        FROM provider_configs c WHERE c.policy_id = p.policy_id), '[]'),
    'budgets', coalesce((SELECT jsonb_agg(doc ORDER BY position) FROM lines WHERE policy_id = p.policy_id AND provider_name IS NULL), '[]'),
    'calendar_aligned', y.calendar_aligned,
    'mcp_tool_groups', coalesce((SELECT jsonb_agg(jsonb_build_object('tool_group_id', tool_group_id) ORDER BY position)
        FROM policy_tool_groups WHERE policy_id = p.policy_id), '[]'),
    'mcp_servers', coalesce((SELECT jsonb_agg(jsonb_build_object('mcp_server_id', mcp_server_id) ORDER BY position)
        FROM policy_mcp_servers WHERE policy_id = p.policy_id), '[]'),
    'mcp_tool_overrides', coalesce((SELECT jsonb_agg(jsonb_build_object('mcp_client_id', mcp_client_id, 'tool_name', tool_name, 'action', action)
        ORDER BY position) FROM policy_tool_overrides WHERE policy_id = p.policy_id), '[]'))
    || jsonb_strip_nulls(jsonb_build_object('rate_limit', (SELECT doc FROM limits WHERE policy_id = p.policy_id AND provider_name IS NULL))))::text
FROM access_profiles p JOIN policies y ON y.id = p.policy_id WHERE p.id = ?`

func TestAChangeOfNothingMakesNoVersion(t *testing.T) {
	db := dbtest.New(t)
	in := large(t, db)
	created, err := profile.Create(t.Context(), db, permission.CLI, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []profile.Input{{}, in, created.Input()} {
		again, err := profile.Update(t.Context(), db, permission.CLI, created.ID, &created.Version, same)
		if err != nil || again.Version != 1 {
			t.Fatalf("version %d, %v", again.Version, err)
		}
	}
	active, err := profile.SetActive(t.Context(), db, permission.CLI, created.ID, nil, true)
	if err != nil || active.Version != 1 {
		t.Fatalf("version %d, %v", active.Version, err)
	}
	var versions, rows int
	if err := db.NewRaw("SELECT (SELECT count(*) FROM access_profile_versions), (SELECT count(*) FROM audit_logs)").Scan(t.Context(), &versions, &rows); err != nil {
		t.Fatal(err)
	}
	if versions != 1 || rows != 1 {
		t.Errorf("%d versions and %d audit rows", versions, rows)
	}
	requireStored(t, db, active)
}

func TestVersionsHaveNoGapsUnderParallelWriters(t *testing.T) {
	db := dbtest.New(t)
	created, err := profile.Create(t.Context(), db, permission.CLI, profile.Input{Row: modelstest.Object(), Name: modelstest.Word("Busy")})
	if err != nil {
		t.Fatal(err)
	}
	const writers = 16
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range writers {
		done.Go(func() {
			<-start
			in := profile.Input{Description: modelstest.Word(fmt.Sprint("writer ", i))}
			if _, err := profile.Update(t.Context(), db, permission.CLI, created.ID, nil, in); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	done.Wait()
	var versions []int64
	if err := db.NewRaw("SELECT version FROM access_profile_versions ORDER BY version").Scan(t.Context(), &versions); err != nil {
		t.Fatal(err)
	}
	for i, version := range versions {
		if version != int64(i+1) {
			t.Fatalf("versions are %v", versions)
		}
	}
	if len(versions) != writers+1 {
		t.Errorf("%d versions of %d changes", len(versions), writers+1)
	}
	requireChain(t, db, writers+1)
}

// requireChain recomputes every audit row's hash from the one before.
func requireChain(t *testing.T, db *bun.DB, rows int) {
	t.Helper()
	var broken, total int
	err := db.NewRaw(`
WITH chain AS (SELECT hash, lag(hash, 1, '') OVER (ORDER BY id) AS before FROM audit_logs)
SELECT count(*), count(*) FILTER (WHERE length(hash) <> 32 OR hash = before) FROM chain`).Scan(t.Context(), &total, &broken)
	if err != nil {
		t.Fatal(err)
	}
	var distinct int
	if err := db.NewRaw("SELECT count(DISTINCT hash) FROM audit_logs").Scan(t.Context(), &distinct); err != nil {
		t.Fatal(err)
	}
	var head bool
	if err := db.NewRaw("SELECT hash = (SELECT hash FROM audit_logs ORDER BY id DESC LIMIT 1) FROM audit_head").Scan(t.Context(), &head); err != nil {
		t.Fatal(err)
	}
	if total != rows || broken != 0 || distinct != rows || !head {
		t.Errorf("%d audit rows, %d broken, %d distinct, head right: %v", total, broken, distinct, head)
	}
}

func TestOneNameIsGivenOnce(t *testing.T) {
	db := dbtest.New(t)
	const writers = 32
	start := make(chan struct{})
	var created, taken atomic.Int64
	var done sync.WaitGroup
	for i := range writers {
		done.Go(func() {
			<-start
			name := []string{"Straße", "STRASSE", " strasse "}[i%3]
			_, err := profile.Create(t.Context(), db, permission.CLI, profile.Input{Row: modelstest.Object(), Name: modelstest.Word(name)})
			switch {
			case err == nil:
				created.Add(1)
			case strings.Contains(err.Error(), "name_taken"):
				taken.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	done.Wait()
	if created.Load() != 1 || taken.Load() != writers-1 {
		t.Errorf("%d created, %d refused", created.Load(), taken.Load())
	}
}
