package propagation_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/models/assignment"
	"tollgate/models/fieldgroup"
	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/propagation"
)

// countedLine is one limit of a copy: its id, and what is shown as used of it.
type countedLine struct {
	id   string
	used int64
	from time.Time // start of the window, of budgets only
}

// linesOf are the limits of a policy by group, scope, kind, duration and quarter class.
func linesOf(p policy.Policy) map[string]countedLine {
	lines := map[string]countedLine{}
	add := func(scope string, budgets []policy.Budget, rate *policy.RateLimit, budgetGroup, limitGroup string) {
		for _, b := range budgets {
			class := 0
			if b.ResetConfig != nil {
				class = b.ResetConfig.QuarterStartMonth % 3
			}
			lines[fmt.Sprintf("%s|%s|spend|%s|%d", budgetGroup, scope, b.ResetDuration, class)] = countedLine{b.ID, int64(b.CurrentUsage), b.LastReset}
		}
		if rate != nil && rate.TokenMaxLimit != nil {
			lines[fmt.Sprintf("%s|%s|tokens|%s", limitGroup, scope, *rate.TokenResetDuration)] = countedLine{id: rate.ID, used: rate.TokenCurrentUsage}
		}
		if rate != nil && rate.RequestMaxLimit != nil {
			lines[fmt.Sprintf("%s|%s|requests|%s", limitGroup, scope, *rate.RequestResetDuration)] = countedLine{id: rate.ID, used: rate.RequestCurrentUsage}
		}
	}
	add("total", p.Budgets, p.RateLimit, "budgets", "rate_limit")
	for _, c := range p.ProviderConfigs {
		add("provider:"+c.ProviderName, c.Budgets, c.RateLimit, "provider_configs", "provider_configs")
	}
	return lines
}

// ids are what a copy's rows are called: providers, budgets and rate limits by what matches them.
func ids(p policy.Policy) map[string]string {
	ids := map[string]string{}
	for key, line := range linesOf(p) {
		parts := strings.Split(key, "|")
		if parts[2] != "spend" {
			key = parts[0] + "|" + parts[1] + "|limit"
		}
		ids[key] = line.id
	}
	for _, c := range p.ProviderConfigs {
		ids["provider_configs|"+c.ProviderName] = fmt.Sprint(c.ID)
	}
	return ids
}

const (
	countSomething = `
INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT l.id, l.kind, l.duration, window_start(l.duration, l.quarter, p.calendar, l.created_at, l.f, l.u, clock_timestamp()), 1 + (random() * 1000)::int
FROM (SELECT *, reset_duration AS duration, quarter_start_month AS quarter, carried_from AS f, carried_until AS u FROM limit_lines) AS l
JOIN policies AS p ON p.id = l.policy_id JOIN user_access_profiles AS c ON c.policy_id = p.id
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = limit_windows.used + excluded.used`
	everyUse = `
SELECT coalesce(string_agg(concat_ws(' ', line_id, kind, reset_duration, window_start, used), E'\n' ORDER BY line_id, kind, reset_duration, window_start), '')
FROM limit_windows`
	overridesOf = `
SELECT coalesce(string_agg(concat_ws(' ', budget_id, amount, cycles, anchor), E'\n' ORDER BY budget_id), '') FROM budget_overrides AS o
WHERE o.budget_id::text IN (SELECT unnest(string_to_array(?, ' ')))`
)

// pushRound is one random push, with what every copy was before it.
type pushRound struct {
	modelstest.Harness
	fields  []string
	reset   bool
	to      profile.Profile
	before  []assignment.Assignment
	reached map[string]bool // users
	counted map[string]bool // pairs of rate limits, with the durations that they had at any time
}

func TestAPushMakesItsFieldsTheTemplatesAndKeepsWhatMatches(t *testing.T) {
	t.Parallel()
	c := chance{modelstest.Randomly(t)}
	h := modelstest.NewHarness(t)
	current := h.Profile("Random", c.policy())
	counted := map[string]bool{}
	var copies []assignment.Assignment
	for round := range 15 {
		if round < 6 {
			copies = append(copies, h.Assign(h.User(101), current.ID))
		}
		if round%5 == 0 { // windows that began a while ago, and end in a while
			h.Exec(h.DB, "UPDATE limit_lines SET created_at = created_at - interval '30 minutes' - ? * interval '24 hours' WHERE kind = 'spend'", c.IntN(3))
		}
		p, was := c.policy(), current.Policy
		for _, keep := range c.some(fieldgroup.Names[:3]...) {
			switch keep {
			case "provider_configs":
				p.ProviderConfigs = was.ProviderConfigs
			case "budgets":
				p.Budgets = was.Budgets
			case "rate_limit":
				p.RateLimit = was.RateLimit
			}
		}
		current = h.Edit(current, p)
		one := copies[c.IntN(len(copies))]
		active := assignment.CopyInput{Row: modelstest.Object(), IsActive: input.Value{Kind: input.Bool, Text: fmt.Sprint(c.IntN(3) > 0)}}
		_, err := assignment.Change(t.Context(), h.DB, permission.CLI, one.UserID, one.ID, active)
		h.Must(err)
		h.Exec(h.DB, "UPDATE user_access_profiles SET expires_at = CASE WHEN ? THEN now() - interval '1 second' END WHERE id = ?", c.IntN(3) == 0, copies[c.IntN(len(copies))].ID)
		h.Exec(h.DB, countSomething)
		h.Exec(h.DB, `INSERT INTO budget_overrides (budget_id, amount, cycles, anchor, ends_at)
SELECT b.id, 5, 2, now(), now() + interval '1 hour' FROM limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) WHERE b.kind = 'spend' AND random() < 0.3 ON CONFLICT DO NOTHING`)

		fields := c.some(fieldgroup.Names...)
		if len(fields) == 0 {
			fields = []string{"budgets"}
		}
		r := pushRound{Harness: h, fields: fields, reset: c.IntN(4) == 0, to: current, reached: map[string]bool{}, counted: counted}
		var named []string
		for _, one := range copies {
			one = h.Copy(one)
			r.before = append(r.before, one)
			chosen := round%3 > 0 || c.coin()
			if chosen && round%3 == 0 {
				named = append(named, one.UserID)
			}
			r.reached[one.UserID] = chosen && one.IsActive && one.ExpiresAt == nil
		}
		if round%3 == 0 && len(named) == 0 {
			r.reached[r.before[0].UserID] = r.before[0].IsActive && r.before[0].ExpiresAt == nil
			named = []string{r.before[0].UserID}
		}
		r.play(round, named)
		if t.Failed() {
			return
		}
	}
}

func (r pushRound) play(round int, named []string) {
	r.Helper()
	in := pushOf(r.fields, named...)
	in.ResetUsage = input.Value{Kind: input.Bool, Text: fmt.Sprint(r.reset)}
	began := time.Now().UTC()
	var used, overridden string
	r.Scan(&used, everyUse)
	kept := map[int64]string{}
	for _, old := range r.before {
		r.Scan(&overridden, overridesOf, strings.Join(r.budgetsKept(old), " "))
		kept[old.ID] = overridden
	}
	job := r.Propagate(r.to.ID, in)
	var usedAfter string
	if r.Scan(&usedAfter, everyUse); usedAfter != used {
		r.Errorf("round %d: what was counted changed", round)
	}
	reached := 0
	for _, old := range r.before {
		now := r.Copy(old)
		if r.reached[old.UserID] {
			reached++
		}
		r.checkPolicy(round, old, now)
		r.checkVersions(round, old, now)
		if began.Truncate(24 * time.Hour).Equal(time.Now().UTC().Truncate(24 * time.Hour)) { // else windows that follow the calendar ended meanwhile
			r.checkLines(round, old, now)
		}
		if r.Scan(&overridden, overridesOf, strings.Join(r.budgetsKept(old), " ")); overridden != kept[old.ID] {
			r.Errorf("round %d: the overrides of lines that stay changed from\n%s\nto\n%s", round, kept[old.ID], overridden)
		}
	}
	if int(job.Done) != reached || !job.Finished() || len(job.Failed) > 0 {
		r.Errorf("round %d: %d done of %d, %d failed", round, job.Done, reached, len(job.Failed))
	}
	const forgetTimes = "UPDATE limit_windows SET cleared_at = NULL" // another reset has another one
	r.Exec(r.DB, forgetTimes)
	tables := r.Tables("propagation_jobs", "propagation_items")
	r.Propagate(r.to.ID, in)
	r.Exec(r.DB, forgetTimes)
	r.SameTables(fmt.Sprintf("round %d: a second push of %v", round, r.fields), tables, r.Tables("propagation_jobs", "propagation_items"))
}

func (r pushRound) aligns() bool {
	return slices.Contains(r.fields, "budgets") || slices.Contains(r.fields, "rate_limit")
}

// budgetsKept are the budgets of a copy that a push leaves or matches.
func (r pushRound) budgetsKept(old assignment.Assignment) []string {
	kept, after := []string{}, linesOf(r.to.Policy)
	for key, line := range linesOf(old.Policy) {
		group, _, _ := strings.Cut(key, "|")
		if _, matches := after[key]; matches || !slices.Contains(r.fields, group) || !r.reached[old.UserID] {
			kept = append(kept, line.id)
		}
	}
	return kept
}

func (r pushRound) checkPolicy(round int, old, now assignment.Assignment) {
	r.Helper()
	want, calendar := modelstest.GroupTexts(old.Policy), old.Calendar
	if r.reached[old.UserID] {
		for _, group := range r.fields {
			want[group] = modelstest.GroupTexts(r.to.Policy)[group]
		}
		if r.aligns() {
			calendar = r.to.Calendar
		}
	}
	if got := modelstest.GroupTexts(now.Policy); !maps.Equal(got, want) || now.Calendar != calendar {
		r.Errorf("round %d: pushed %v, the copy is\n%v calendar %v\nwant\n%v calendar %v", round, r.fields, got, now.Calendar, want, calendar)
	}
}

func (r pushRound) checkVersions(round int, old, now assignment.Assignment) {
	r.Helper()
	want := slices.Clone(old.GroupVersions)
	for i, group := range fieldgroup.Names {
		follows := modelstest.GroupTexts(now.Policy)[group] == modelstest.GroupTexts(r.to.Policy)[group]
		if group == "budgets" || group == "rate_limit" {
			follows = follows && now.Calendar == r.to.Calendar
		}
		if follows && r.reached[old.UserID] {
			want[i] = r.to.Version
		}
	}
	if !reflect.DeepEqual(now.GroupVersions, want) || now.TemplateVersion != slices.Min(want) || now.Behind() != r.to.Version-slices.Min(want) {
		r.Errorf("round %d: pushed %v of version %d: versions are %v and %d, %d behind, want %v", round, r.fields, r.to.Version, now.GroupVersions,
			now.TemplateVersion, now.Behind(), want)
	}
}

func (r pushRound) checkLines(round int, old, now assignment.Assignment) {
	r.Helper()
	had := linesOf(old.Policy)
	for key, line := range had {
		r.counted[line.id+key] = true
	}
	for key, line := range linesOf(now.Policy) {
		before, matches := had[key]
		group, _, _ := strings.Cut(key, "|")
		want := before.used
		switch {
		case !matches && r.counted[line.id+key]:
			continue // a rate limit that goes back to a window it had: a test of its own
		case !matches, r.reset && slices.Contains(r.fields, group) && r.reached[old.UserID]:
			want = 0
		}
		if line.used != want {
			r.Errorf("round %d: pushed %v, %s shows %d used, want %d", round, r.fields, key, line.used, want)
		}
		if matches && !before.from.IsZero() && !line.from.Equal(before.from) {
			r.Errorf("round %d: pushed %v, the window of %s moved from %s to %s", round, r.fields, key, before.from, line.from)
		}
	}
	hadIDs := ids(old.Policy)
	known := slices.Collect(maps.Values(hadIDs))
	for key, id := range ids(now.Policy) {
		if before, matches := hadIDs[key]; matches && id != before {
			r.Errorf("round %d: pushed %v, %s got another id", round, r.fields, key)
		} else if !matches && slices.Contains(known, id) {
			r.Errorf("round %d: pushed %v, %s took over an id", round, r.fields, key)
		}
	}
}

// What a limit counted in a window that it no longer has is not what it counts when it gets that window again.
func TestALimitThatGetsAnotherWindowStartsAtZero(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	with := func(duration string) policy.Policy {
		return policy.Policy{RateLimit: &policy.RateLimit{TokenMaxLimit: modelstest.Pointer(int64(5)), TokenResetDuration: &duration}}
	}
	current := h.Profile("Tokens", with("1d"))
	held := h.Assign(h.User(101), current.ID)
	h.Exec(h.DB, countSomething)
	current = h.Edit(current, with("1w"))
	h.Propagate(current.ID, pushOf([]string{"rate_limit"}))
	if used := h.Copy(held).RateLimit.TokenCurrentUsage; used != 0 {
		t.Errorf("%d used of a week's limit that was a day's", used)
	}
	current = h.Edit(current, with("1d"))
	plan, err := propagation.MakePlan(t.Context(), h.DB, current.ID, nil, pushOf([]string{"rate_limit"}))
	h.Must(err)
	h.Propagate(current.ID, pushOf([]string{"rate_limit"}))
	if used := h.Copy(held).RateLimit.TokenCurrentUsage; used != 0 || len(plan.Over) > 0 {
		t.Errorf("%d used of a day's limit that was a week's; the preview told of %d used up", used, len(plan.Over))
	}
}

// Each group that a profile loses, its copies lose too.
func TestAPushOfGroupsThatAreEmptyNow(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	full := policy.Policy{
		ProviderConfigs:  []policy.ProviderConfig{{ProviderName: "openai", AllModelsAllowed: true, Budgets: []policy.Budget{{MaxLimit: 5_000_000_000, ResetDuration: "1d"}}}},
		Budgets:          []policy.Budget{{MaxLimit: 9_000_000_000, ResetDuration: "1M"}},
		RateLimit:        &policy.RateLimit{RequestMaxLimit: modelstest.Pointer(int64(5)), RequestResetDuration: modelstest.Pointer("1h")},
		MCPToolGroups:    []policy.ToolGroupGrant{{ToolGroupID: 1}},
		MCPServers:       []policy.ServerGrant{{MCPServerID: "github"}},
		MCPToolOverrides: []policy.ToolOverride{{MCPClientID: "jira", ToolName: "open", Action: "include"}},
	}
	current := h.Profile("Emptied", full)
	held := h.Assign(h.User(101), current.ID)
	without := []policy.ProviderConfig{{ProviderName: "openai", AllModelsAllowed: true}}
	for _, emptied := range []policy.Policy{{ProviderConfigs: without}, full, {MCPServers: full.MCPServers}, {ProviderConfigs: full.ProviderConfigs}, full} {
		edited := h.Edit(current, emptied)
		job := h.Propagate(current.ID, pushOf(fieldgroup.Names))
		if len(job.Failed) != 0 {
			t.Errorf("failed: %v", job.Failed)
		}
		now := h.Copy(held)
		for _, group := range fieldgroup.Names {
			if got, want := modelstest.GroupTexts(now.Policy)[group], modelstest.GroupTexts(edited.Policy)[group]; got != want {
				t.Errorf("%s is\n%s\nwant\n%s", group, got, want)
			}
		}
		current = edited
	}
}
