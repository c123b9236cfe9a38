package editor

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// review is the draft in sentences. While a line cannot be read, it does not say that nothing is limited.
func (e Editor) review() []string {
	said := policytext.Sentences(e.Draft.Name, e.Draft.Policy, policytext.NamesOfGroups(e.Catalogue))
	if len(e.unreadLines()) > 0 {
		said = slices.DeleteFunc(said, func(sentence string) bool { return sentence == policytext.NothingLimits })
	}
	return said
}

// unreadLines names each limit that the draft lacks because it cannot be read yet.
func (e Editor) unreadLines() []string {
	said := e.unreadBudgets("budgets", "", e.Input.Budgets)
	said = append(said, e.unreadRates("rate_limit", "", e.Input.RateLimit)...)
	for i, config := range e.Input.ProviderConfigs.Items {
		path, provider := input.Index("provider_configs", i), cmp.Or(config.ProviderName.Text, "the new provider")
		said = append(said, e.unreadBudgets(path+".budgets", provider, config.Budgets)...)
		said = append(said, e.unreadRates(path+".rate_limit", provider, config.RateLimit)...)
	}
	return said
}

func (e Editor) unread(path string) bool {
	for _, problem := range e.Unread {
		if problem.Field == path || strings.HasPrefix(problem.Field, path+".") || strings.HasPrefix(problem.Field, path+"_") {
			return true
		}
	}
	return false
}

func (e Editor) unreadBudgets(path, provider string, l input.List[policy.BudgetInput]) []string {
	var said []string
	for i, budget := range l.Items {
		if e.unread(input.Index(path, i)) {
			said = append(said, unreadLine("budget "+strconv.Itoa(i+1), provider, budget.MaxLimit, budget.ResetDuration))
		}
	}
	return said
}

func (e Editor) unreadRates(path, provider string, in policy.RateLimitInput) []string {
	var said []string
	for _, kind := range policytext.ShownRates() {
		if limit, window := kind.Typed(&in); e.unread(path + "." + kind.Name) {
			said = append(said, unreadLine(kind.Name+" limit", provider, *limit, *window))
		}
	}
	return said
}

// unreadLine says that the review leaves a line out.
func unreadLine(name, provider string, amount, window input.Value) string {
	line := ui.UpperFirst(scoped(name, provider))
	if !amount.Given() {
		return line + " has no amount yet, so it limits nothing."
	}
	typed := "“" + amount.Text + "”"
	if unit := ui.Unit(window.Text); unit != "" {
		typed += " per " + unit
	}
	return line + ", " + typed + ", cannot be saved as it is, so it is not part of this review."
}
