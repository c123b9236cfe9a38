package models_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models"
	"tollgate/models/dbtest"
)

// holding is a database in which people hold copies of templates.
type holding struct {
	*testing.T
	db    *bun.DB
	owner *bun.DB // may do what the console may not
	keys  models.Keys
}

func newHolding(t *testing.T) holding {
	t.Helper()
	app, owner := dbtest.URLs(t)
	h := holding{T: t, db: open(t, app), owner: open(t, owner)}
	var err error
	h.keys, err = models.DeriveKeys([]byte("a secret for tests, of 32 bytes."))
	h.must(err)
	for _, statement := range []string{
		"INSERT INTO providers (name, models) VALUES ('anthropic', '{m}'), ('mistral', '{m}'), ('ollama', '{m}'), ('openai', '{m}')",
		"INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('github', 'github', 'github', '{create,delete,read}'), ('jira', 'jira', 'jira', '{close,open}')",
		"INSERT INTO tool_groups (id, name, name_key) VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c')",
		"INSERT INTO roles (id, name, name_key) VALUES (101, 'First', 'first'), (102, 'Second', 'second')",
	} {
		h.exec(h.db, statement)
	}
	return h
}

func (h holding) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h holding) exec(db bun.IDB, query string, args ...any) {
	h.Helper()
	_, err := db.NewRaw(query, args...).Exec(h.Context())
	h.must(err)
}

func (h holding) scan(target any, query string, args ...any) {
	h.Helper()
	h.must(h.db.NewRaw(query, args...).Scan(h.Context(), target))
}

func (h holding) user(role int64) string {
	h.Helper()
	id := uuid.NewString()
	h.exec(h.db, "INSERT INTO users (id, name, email, email_key, role_id) VALUES (?0, ?0, ?1, ?1, ?2)", id, id+"@example.com", role)
	return id
}

func (h holding) template(name string, p models.Policy) models.AccessProfile {
	h.Helper()
	made, err := models.CreateAccessProfile(h.Context(), h.db, models.CLI, models.AccessProfile{Name: name, Policy: p}.Input())
	h.must(err)
	return made
}

// edit gives a template another policy, and each time another description, so that it has a new version.
func (h holding) edit(profile models.AccessProfile, p models.Policy) models.AccessProfile {
	h.Helper()
	said := strconv.FormatInt(profile.Version+1, 10)
	edited, err := models.UpdateAccessProfile(h.Context(), h.db, models.CLI, profile.ID, nil,
		models.AccessProfile{Name: profile.Name, Description: &said, Policy: p}.Input())
	h.must(err)
	return edited
}

func (h holding) assign(user string, profile int64) models.UserAccessProfile {
	h.Helper()
	held, _, err := models.AssignAccessProfile(h.Context(), h.db, h.keys, models.CLI, user,
		models.AssignInput{AccessProfileID: literal(strconv.FormatInt(profile, 10))})
	h.must(err)
	return held
}

func (h holding) copy(held models.UserAccessProfile) models.UserAccessProfile {
	h.Helper()
	again, err := models.GetUserAccessProfile(h.Context(), h.db, held.UserID, held.ID)
	h.must(err)
	return again
}

// worker is one console's; what it tells nobody reads.
func worker(db *bun.DB) *models.Propagator {
	return models.NewPropagator(db, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func pushOf(fields []string, users ...string) models.PropagationInput {
	in := models.PropagationInput{Row: object(), Fields: values(fields...)}
	if len(users) > 0 {
		in.UserIDs = values(users...)
	}
	return in
}

func (h holding) start(profile int64, in models.PropagationInput) models.Propagation {
	h.Helper()
	job, err := models.StartPropagation(h.Context(), h.db, models.CLI, profile, nil, in)
	h.must(err)
	return job
}

// propagate does a whole push.
func (h holding) propagate(profile int64, in models.PropagationInput) models.Propagation {
	h.Helper()
	job := h.start(profile, in)
	h.must(worker(h.db).Work(h.Context(), job))
	return h.stands(job)
}

func (h holding) stands(job models.Propagation) models.Propagation {
	h.Helper()
	now, err := models.GetPropagation(h.Context(), h.db, job.AccessProfileID, job.ID)
	h.must(err)
	return now
}

// tables is a fingerprint of each table but those named.
func (h holding) tables(but ...string) map[string]string {
	h.Helper()
	var names []string
	h.scan(&names, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
	prints := map[string]string{}
	for _, name := range names {
		if !slices.Contains(but, name) {
			var fingerprint string
			h.must(h.owner.NewRaw(`SELECT md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '')) FROM ? AS t`, bun.Ident(name)).Scan(h.Context(), &fingerprint))
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

// sameTables names the tables that differ.
func (h holding) sameTables(what string, before, after map[string]string) {
	h.Helper()
	for _, name := range changed(before, after) {
		h.Errorf("%s changed %s", what, name)
	}
}

func limitText(r *models.RateLimit) string {
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

func budgetTexts(budgets []models.Budget) string {
	texts := make([]string, len(budgets))
	for i, b := range budgets {
		texts[i] = b.MaxLimit.String() + "/" + b.ResetDuration
		if b.ResetConfig != nil {
			texts[i] += fmt.Sprint(" from month ", b.ResetConfig.QuarterStartMonth)
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// groupTexts says what each group of fields of a policy is, without ids.
func groupTexts(p models.Policy) map[string]string {
	var providers []string
	for _, c := range p.ProviderConfigs {
		providers = append(providers, fmt.Sprint(c.ProviderName, " ", c.AllModelsAllowed, c.AllowedModels, budgetTexts(c.Budgets), limitText(c.RateLimit)))
	}
	return map[string]string{
		"provider_configs": strings.Join(providers, "; "), "budgets": budgetTexts(p.Budgets), "rate_limit": limitText(p.RateLimit),
		"mcp_tool_groups": fmt.Sprint(p.MCPToolGroups), "mcp_servers": fmt.Sprint(p.MCPServers), "mcp_tool_overrides": fmt.Sprint(p.MCPToolOverrides),
	}
}

// wholeText is a policy in one text.
func wholeText(p models.Policy) string { return fmt.Sprint(groupTexts(p), p.Calendar) }

func pointer[T any](v T) *T { return &v }

// chance makes policies.
type chance struct{ *rand.Rand }

func (c chance) coin() bool { return c.IntN(2) == 0 }

func (c chance) some(items ...string) []string {
	items = slices.Clone(items)
	c.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items[:c.IntN(len(items)+1)]
}

func (c chance) budgets() []models.Budget {
	budgets := []models.Budget{}
	for _, line := range c.some("1h", "1d", "1w", "1M", "1Y", "Q0", "Q1", "Q2") {
		b := models.Budget{MaxLimit: models.Money(c.IntN(1_000_000)), ResetDuration: line}
		if line[0] == 'Q' {
			class := int(line[1] - '0')
			b.ResetDuration, b.ResetConfig = "1Q", &models.ResetConfig{QuarterStartMonth: []int{3, 1, 2}[class] + 3*c.IntN(4)}
		}
		budgets = append(budgets, b)
	}
	return budgets
}

func (c chance) limit() *models.RateLimit {
	var r models.RateLimit
	duration := func() *string { return pointer(models.RateDurations[c.IntN(len(models.RateDurations))]) }
	if c.coin() {
		r.TokenMaxLimit, r.TokenResetDuration = pointer(1+c.Int64N(1000)), duration()
	}
	if c.coin() {
		r.RequestMaxLimit, r.RequestResetDuration = pointer(1+c.Int64N(1000)), duration()
	}
	if r.TokenMaxLimit == nil && r.RequestMaxLimit == nil {
		return nil
	}
	return &r
}

func (c chance) policy() models.Policy {
	p := models.Policy{Budgets: c.budgets(), RateLimit: c.limit(), Calendar: calendars[c.IntN(len(calendars))]}
	for _, name := range c.some("anthropic", "mistral", "ollama", "openai") {
		config := models.ProviderConfig{ProviderName: name, Budgets: c.budgets(), RateLimit: c.limit()}
		if config.AllModelsAllowed = c.coin(); !config.AllModelsAllowed {
			config.AllowedModels = c.some("a", "B", "c/d", `e"f`)
		}
		p.ProviderConfigs = append(p.ProviderConfigs, config)
	}
	for _, id := range c.some("1", "2", "3") {
		n, _ := strconv.ParseInt(id, 10, 64)
		p.MCPToolGroups = append(p.MCPToolGroups, models.ToolGroupGrant{ToolGroupID: n})
	}
	for _, id := range c.some("github", "jira") {
		p.MCPServers = append(p.MCPServers, models.ServerGrant{MCPServerID: id})
	}
	for _, tool := range c.some("github create", "github delete", "github read", "jira close", "jira open") {
		server, name, _ := strings.Cut(tool, " ")
		o := models.ToolOverride{MCPClientID: server, ToolName: name, Action: "include"}
		if c.coin() && !slices.Contains(p.MCPServers, models.ServerGrant{MCPServerID: server}) {
			o.Action = "exclude"
		}
		p.MCPToolOverrides = append(p.MCPToolOverrides, o)
	}
	return p
}

// watch does something before a statement is sent.
type watch struct {
	before func(event *bun.QueryEvent)
	after  func(event *bun.QueryEvent)
}

func (w watch) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if w.before != nil {
		w.before(event)
	}
	return ctx
}

func (w watch) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if w.after != nil {
		w.after(event)
	}
}

// waits reports whether somebody in this database waits for a lock.
func (h holding) waits() bool {
	h.Helper()
	var waiting int
	h.must(h.owner.NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(h.Context(), &waiting))
	return waiting > 0
}

// safely is what f returns; a panic is an error.
func safely[T any](f func() (T, error)) (made T, err error) {
	defer func() {
		if said := recover(); said != nil {
			err = fmt.Errorf("panic: %v", said)
		}
	}()
	return f()
}
