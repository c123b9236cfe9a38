package modelstest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/dbtest"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/propagation"
	"tollgate/models/secret"
)

// Harness is a database in which users have copies of profiles.
type Harness struct {
	*testing.T
	DB    *bun.DB
	Owner *bun.DB // may do what the console may not
	Keys  secret.Keys
}

// NewHarness makes a database with providers, servers and an admin.
func NewHarness(t *testing.T) Harness {
	t.Helper()
	app, owner := dbtest.URLs(t)
	h := Harness{T: t, DB: Open(t, app+"&lock_timeout=0&statement_timeout=60s"), Owner: Open(t, owner+"&idle_in_transaction_session_timeout=0")}
	var err error
	h.Keys, err = secret.DeriveKeys([]byte("a secret for tests, of 32 bytes."))
	h.Must(err)
	for _, statement := range []string{
		"INSERT INTO providers (name, models) VALUES ('anthropic', '{m}'), ('mistral', '{m}'), ('ollama', '{m}'), ('openai', '{m}')",
		"INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('github', 'github', 'github', '{create,delete,read}'), ('jira', 'jira', 'jira', '{close,open}')",
		"INSERT INTO tool_groups (id, name, name_key) VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c')",
		"INSERT INTO roles (id, name, name_key) VALUES (101, 'First', 'first'), (102, 'Second', 'second')",
	} {
		h.Exec(h.DB, statement)
	}
	return h
}

// Must fails the test on an error.
func (h Harness) Must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// Exec executes a statement, or fails the test.
func (h Harness) Exec(db bun.IDB, query string, args ...any) {
	h.Helper()
	_, err := db.NewRaw(query, args...).Exec(h.Context())
	h.Must(err)
}

// Scan reads rows, or fails the test.
func (h Harness) Scan(target any, query string, args ...any) {
	h.Helper()
	h.Must(h.DB.NewRaw(query, args...).Scan(h.Context(), target))
}

// User makes a user.
func (h Harness) User(role int64) string {
	h.Helper()
	id := uuid.NewString()
	h.Exec(
		h.DB, "INSERT INTO users (id, name, email, email_key, role_id) VALUES (?0, ?0, ?1, ?1, ?2)", id, id+"@example.com",
		role,
	)
	return id
}

// Profile creates a profile.
func (h Harness) Profile(name string, p policy.Policy) profile.Profile {
	h.Helper()
	made, err := profile.Create(h.Context(), h.DB, permission.CLI, profile.Profile{Name: name, Policy: p}.Input())
	h.Must(err)
	return made
}

// Edit gives a profile another policy, and each time another description, so that it has a new version.
func (h Harness) Edit(shown profile.Profile, p policy.Policy) profile.Profile {
	h.Helper()
	said := strconv.FormatInt(shown.Version+1, 10)
	edited, err := profile.Update(h.Context(), h.DB, permission.CLI, shown.ID, nil,
		profile.Profile{Name: shown.Name, Description: &said, Policy: p}.Input())
	h.Must(err)
	return edited
}

// Assign gives a user a copy of a profile.
func (h Harness) Assign(user string, profile int64) assignment.Assignment {
	h.Helper()
	assigned, _, err := assignment.Assign(h.Context(), h.DB, h.Keys, permission.CLI, user,
		assignment.AssignInput{AccessProfileID: Literal(strconv.FormatInt(profile, 10))})
	h.Must(err)
	return assigned
}

// Copy reads a copy.
func (h Harness) Copy(assigned assignment.Assignment) assignment.Assignment {
	h.Helper()
	again, err := assignment.Get(h.Context(), h.DB, assigned.UserID, assigned.ID)
	h.Must(err)
	return again
}

// Worker is the worker of one console; its log is discarded.
func Worker(db *bun.DB) *propagation.Worker {
	return propagation.NewWorker(db, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// Start starts a propagation.
func (h Harness) Start(profile int64, in propagation.Input) propagation.Job {
	h.Helper()
	job, err := propagation.Start(h.Context(), h.DB, permission.CLI, profile, nil, in)
	h.Must(err)
	return job
}

// Propagate runs a whole propagation.
func (h Harness) Propagate(profile int64, in propagation.Input) propagation.Job {
	h.Helper()
	job := h.Start(profile, in)
	h.Must(Worker(h.DB).Work(h.Context(), job))
	return h.Stands(job)
}

// Stands is how a propagation stands.
func (h Harness) Stands(job propagation.Job) propagation.Job {
	h.Helper()
	now, err := propagation.Get(h.Context(), h.DB, job.AccessProfileID, job.ID)
	h.Must(err)
	return now
}

// Tables is a fingerprint of each table but those named.
func (h Harness) Tables(but ...string) map[string]string {
	h.Helper()
	var names []string
	h.Scan(&names, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
	prints := map[string]string{}
	for _, name := range names {
		if !slices.Contains(but, name) {
			var fingerprint string
			h.Must(
				h.Owner.NewRaw(`SELECT md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '')) FROM ? AS t`, bun.Ident(name)).
					Scan(h.Context(), &fingerprint),
			)
			prints[name] = fingerprint
		}
	}
	return prints
}

// changed are the tables that differ.
func changed(before, after map[string]string) (names []string) {
	for name, fingerprint := range before {
		if after[name] != fingerprint {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// SameTables names the tables that differ.
func (h Harness) SameTables(what string, before, after map[string]string) {
	h.Helper()
	for _, name := range changed(before, after) {
		h.Errorf("%s changed %s", what, name)
	}
}

func limitText(r *policy.RateLimit) string {
	if r == nil {
		return "no limit"
	}
	text := "limit"
	if r.TokenMaxLimit != nil {
		text += fmt.Sprintf(" %d tokens/%s", *r.TokenMaxLimit, *r.TokenResetDuration)
	}
	if r.RequestMaxLimit != nil {
		text += fmt.Sprintf(" %d requests/%s", *r.RequestMaxLimit, *r.RequestResetDuration)
	}
	return text
}

func budgetTexts(budgets []policy.Budget) string {
	texts := make([]string, len(budgets))
	for i, b := range budgets {
		texts[i] = b.MaxLimit.String() + "/" + b.ResetDuration
		if b.ResetConfig != nil {
			texts[i] += fmt.Sprint(" from month ", b.ResetConfig.QuarterStartMonth)
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// GroupTexts says what each group of fields of a policy is, without ids.
func GroupTexts(p policy.Policy) map[string]string {
	var providers []string
	for _, c := range p.ProviderConfigs {
		providers = append(
			providers,
			fmt.Sprint(c.ProviderName, " ", c.AllModelsAllowed, c.AllowedModels, budgetTexts(c.Budgets), limitText(c.RateLimit)),
		)
	}
	return map[string]string{
		"provider_configs":   strings.Join(providers, "; "),
		"budgets":            budgetTexts(p.Budgets),
		"rate_limit":         limitText(p.RateLimit),
		"mcp_tool_groups":    fmt.Sprint(p.MCPToolGroups),
		"mcp_servers":        fmt.Sprint(p.MCPServers),
		"mcp_tool_overrides": fmt.Sprint(p.MCPToolOverrides),
	}
}

// WholeText is a policy in one text.
func WholeText(p policy.Policy) string { return fmt.Sprint(GroupTexts(p), p.Calendar) }

// Pointer points to a value.
func Pointer[T any](v T) *T { return &v }

// Watch does something before a statement is sent.
type Watch struct {
	Before func(event *bun.QueryEvent)
	After  func(event *bun.QueryEvent)
}

// BeforeQuery is part of bun.QueryHook.
func (w Watch) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if w.Before != nil {
		w.Before(event)
	}
	return ctx
}

// AfterQuery is part of bun.QueryHook.
func (w Watch) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if w.After != nil {
		w.After(event)
	}
}

// waits reports whether a connection to this database waits for a lock.
func (h Harness) waits() bool {
	h.Helper()
	var waiting int
	h.Must(
		h.Owner.NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").
			Scan(h.Context(), &waiting),
	)
	return waiting > 0
}

// Safely is what f returns; a panic is an error.
func Safely[T any](f func() (T, error)) (made T, err error) {
	defer func() {
		if said := recover(); said != nil {
			err = fmt.Errorf("panic: %v", said)
		}
	}()
	return f()
}
