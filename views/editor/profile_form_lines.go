package editor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/window"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

type budgetLines struct {
	Lines     []budgetLine
	Error     string
	AddOp     string
	AddLabel  string
	ErrorID   string
	NoneWords string
}

type budgetLine struct {
	Amount, Window, Quarter ui.Field
	Windows, Quarters       []ui.Option
	Quarterly               bool
	RemoveOp, RemoveLabel   string
	Note                    resetNote
}

// rateFields are the fields of one kind of limit that a rate limit can set.
type rateFields struct {
	Amount, Window ui.Field
	Windows        []ui.Option
}

func (m *formBuilder) budgets(
	path, name string, l input.List[policy.BudgetInput], add, remove, provider string,
) budgetLines {
	lines := budgetLines{
		Error: strings.Join(m.Problems.At(path), " "), AddOp: add, AddLabel: addBudgetLabel(provider),
		ErrorID:   ui.FieldID(name),
		NoneWords: "No " + scoped("budget", provider) + ": spending is not limited here.",
	}
	m.ids[path] = lines.ErrorID
	for i, budget := range l.Items {
		path, name := path+"["+strconv.Itoa(i)+"]", name+"["+budget.Key+"]"
		which := scoped("budget "+strconv.Itoa(i+1), provider)
		line := budgetLine{
			Amount: m.field(path+".max_limit", name+".max_limit", budget.MaxLimit, ui.Field{
				Label: "Amount of " + which, HideLabel: true,
			}),
			Window: m.field(path+".reset_duration", name+".reset_duration", budget.ResetDuration, ui.Field{
				Label: ui.UpperFirst(which) + " resets", HideLabel: true,
			}),
			Quarter: m.field(path+".reset_config.quarter_start_month",
				name+".reset_config.quarter_start_month", budget.ResetConfig.QuarterStartMonth,
				ui.Field{Label: "First month of the quarters of " + which, HideLabel: true}),
			Windows:   windowOptions(policy.BudgetDurations, budget.ResetDuration.Text, "per …"),
			Quarterly: budget.ResetDuration.Text == "1Q" || budget.ResetConfig.QuarterStartMonth.Given(),
			RemoveOp:  remove + budget.Key, RemoveLabel: "Remove " + which,
		}
		m.ids[path+".reset_config"] = ui.FieldID(line.Quarter.Name)
		line.Quarter.Error = strings.TrimSpace(
			line.Quarter.Error + " " + strings.Join(m.Problems.At(path+".reset_config"), " "),
		)
		line.Quarters = quarterOptions(budget.ResetConfig.QuarterStartMonth.Text)
		if slices.Contains(policy.BudgetDurations, budget.ResetDuration.Text) {
			month, err := strconv.Atoi(budget.ResetConfig.QuarterStartMonth.Text)
			if err != nil {
				month = 1
			}
			line.Note = m.nextReset("", budget.ResetDuration.Text, &policy.ResetConfig{QuarterStartMonth: month})
		}
		lines.Lines = append(lines.Lines, line)
	}
	return lines
}

// scoped names a limit of a provider, or an overall one when provider is empty.
func scoped(limit, provider string) string {
	if provider == "" {
		return "overall " + limit
	}
	return limit + " for " + provider
}

func addBudgetLabel(provider string) string {
	return "Add " + plural.Choose(provider == "", "an ", "a ") + scoped("budget", provider)
}

func windowOptions(durations []string, chosen, none string) []ui.Option {
	options := []ui.Option{{Label: none}}
	for _, duration := range durations {
		options = append(options, ui.Option{Value: duration, Label: "per " + ui.Unit(duration), Chosen: duration == chosen})
	}
	return options
}

func quarterOptions(chosen string) []ui.Option {
	options := make([]ui.Option, 0, len(ui.Months)+1)
	options = append(options, ui.Option{Label: "from January"})
	for i, month := range ui.Months[1:] {
		value := strconv.Itoa(i + 2)
		options = append(options, ui.Option{Value: value, Label: "from " + month, Chosen: value == chosen})
	}
	return options
}

// resetNote says when a line's window ends.
type resetNote struct {
	Words string
	Ends  time.Time // zero for a window that rolls
	Zone  string
}

// nextReset says when the window of the line ends. One that rolls ends for each holder at a moment of their own.
func (m *formBuilder) nextReset(line, duration string, config *policy.ResetConfig) resetNote {
	if !m.Draft.CalendarAligned || window.Rolls(duration) {
		if line != "" {
			return resetNote{Words: line + rolling[duration]} // from when is said above the lines
		}
		return resetNote{Words: "resets " + rolling[duration] + " from when a holder got the profile"}
	}
	month := 1
	if config != nil {
		month = config.QuarterStartMonth
	}
	_, end := window.Window(duration, month, m.Draft.Calendar, m.Now, m.Now)
	return resetNote{line + "next reset", end, m.Draft.TimeZone}
}

var rolling = map[string]string{
	"1m": "every minute", "1h": "every hour", "1d": "every 24 hours", "1w": "every 7 days", "1M": "every 30 days", "1Q": "every 90 days",
	"1Y": "every 365 days",
}

func (m *formBuilder) rate(path string, in policy.RateLimitInput, provider string) []rateFields {
	return m.rateOf(path, path, in, provider)
}

func (m *formBuilder) rateOf(path, name string, in policy.RateLimitInput, provider string) []rateFields {
	var fields []rateFields
	for _, kind := range policytext.ShownRates() {
		one := func(field string, v input.Value, f ui.Field) ui.Field {
			return m.field(path+"."+field, name+"."+field, v, f)
		}
		limit, window := kind.Typed(&in)
		label := ui.UpperFirst(scoped(kind.Kind, provider))
		fields = append(fields, rateFields{
			Amount:  one(kind.MaxField(), *limit, ui.Field{Label: label, HideLabel: true, Suffix: kind.Kind}),
			Window:  one(kind.DurationField(), *window, ui.Field{Label: label + " reset", HideLabel: true}),
			Windows: windowOptions(policy.RateDurations, window.Text, "no limit"),
		})
	}
	return fields
}

// resets writes out the next reset of every line, for the section about windows.
func (m *formBuilder) resets() []resetNote {
	var said []resetNote
	add := func(scope string, budgets []policy.Budget, limit *policy.RateLimit) {
		for _, budget := range budgets {
			if budget.ResetDuration != "" {
				said = append(said, m.nextReset(policytext.SpendLine(budget)+scope+": ", budget.ResetDuration, budget.ResetConfig))
			}
		}
		for _, l := range policytext.ShownRateLimits(limit) {
			said = append(said, m.nextReset(policytext.RateLine(l)+scope+": ", l.Duration, nil))
		}
	}
	add("", m.Draft.Budgets, m.Draft.RateLimit)
	for _, config := range m.Draft.ProviderConfigs {
		add(" on "+config.ProviderName, config.Budgets, config.RateLimit)
	}
	return said
}

// summary links every problem to its field, or to the nearest group around it that has a place in the form.
func (m *formBuilder) summary() []ui.ProblemLink {
	var links []ui.ProblemLink
	for _, problem := range m.Problems {
		path := problem.Field
		for path != "" && m.ids[path] == "" {
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
		link := ui.ProblemLink{ID: m.ids[path], Message: problem.Message}
		if path != problem.Field && m.inputs[link.ID] {
			link.ID = "" // an input says only what is wrong with itself
		}
		links = append(links, link)
	}
	return links
}

// contents is the editor's table of contents, with how many problems each section has.
func (m *formBuilder) contents() []contentsLink {
	sections := []struct {
		contentsLink
		fields []string
	}{
		{contentsLink{ID: "basics", Label: "Basics"}, []string{"name", "description", "tags"}},
		{contentsLink{ID: "providers", Label: "Providers"}, []string{"provider_configs"}},
		{contentsLink{ID: "budgets-section", Label: "Budgets"}, []string{"budgets"}},
		{contentsLink{ID: "rate-limit", Label: "Rate limit"}, []string{"rate_limit"}},
		{contentsLink{ID: "windows", Label: "Windows"}, []string{"calendar_aligned", "time_zone"}},
		{contentsLink{ID: "away", Label: "Database away"}, []string{"fail_open_for"}},
		{contentsLink{ID: "mcp", Label: "MCP"}, []string{"mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"}},
		{contentsLink{ID: "review", Label: "Review"}, nil},
	}
	links := make([]contentsLink, len(sections))
	for i, section := range sections {
		links[i] = section.contentsLink
		for _, problem := range m.Problems {
			for _, field := range section.fields {
				if rest, ok := strings.CutPrefix(problem.Field, field); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
					links[i].Wrong++
				}
			}
		}
	}
	return links
}
