package inventory

import (
	"strconv"
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/views/ui"
)

// cachePrice is what tokens of a cache cost; those without a price of their own cost as other input.
func cachePrice(price *money.Money) string {
	if price == nil {
		return "as input"
	}
	return ui.Dollars(*price)
}

// typedPrices is a text area with the price of a model a line.
func typedPrices(f ui.Field, in catalogue.ProviderInput, problems problem.Problems) ui.Field {
	f.Value = in.Lines()
	f.Rows = min(max(strings.Count(f.Value, "\n")+2, 4), 18)
	var said []string
	for _, problem := range problems {
		if ui.InList(problem.Field, "prices") {
			said = append(said, inPrices(problem, in))
		}
	}
	f.Error = strings.Join(said[:min(len(said), pricesNamed)], " ")
	if more := len(said) - pricesNamed; more > 0 {
		f.Error += " And " + plural.Of(more, "more problem") + ", listed at the top."
	}
	return f
}

// pricesNamed is how many problems of prices are shown beside the field; the summary has all of them.
const pricesNamed = 10

// links is the summary of a provider's form.
func (f ProviderForm) links() []ui.ProblemLink {
	links := ui.LineLinks(f.Problems, "models")
	for i, problem := range f.Problems {
		if ui.InList(problem.Field, "prices") {
			links[i] = ui.ProblemLink{ID: "price_lines", Message: "Prices, " + ui.LowerFirst(inPrices(problem, f.Input))}
		}
	}
	if f.Name != "" {
		links = ui.Unlinked(links, "name")
	}
	return links
}

// inPrices says in which line, as it was typed, the problem of a price is.
func inPrices(p problem.Problem, in catalogue.ProviderInput) string {
	if i, found := ui.IndexIn(p.Field, "prices"); found && i < len(in.Prices.Items) && in.Prices.Items[i].Key != "" {
		return "Line " + in.Prices.Items[i].Key + ": " + p.Message
	}
	return ui.InLine(p, "prices")
}

const itemsShown = 3

// few lists the first items and how many more there are.
func few(items []string) string {
	if more := len(items) - itemsShown; more > 1 {
		return strings.Join(items[:itemsShown], ", ") + " and " + plural.Count(int64(more)) + " more"
	}
	return strings.Join(items, ", ")
}

// usedBy says how many profiles and groups name an entry, for the facts under a title.
func usedBy(use catalogue.Use) string {
	var parts []string
	if use.BehindCount > 0 {
		parts = append(parts, "copies of "+plural.Of(use.BehindCount, "profile")+" that are behind")
	}
	if use.ProfileCount > 0 || use.GroupCount+use.BehindCount == 0 {
		parts = append(parts, plural.Of(use.ProfileCount, "profile"))
	}
	if use.GroupCount > 0 {
		parts = append(parts, plural.Of(use.GroupCount, "tool group"))
	}
	return strings.Join(parts, " and ")
}

// DeleteBlocked says why something cannot be deleted; what uses it is listed below.
func DeleteBlocked(name string, use catalogue.Use) string {
	if use.None() {
		return name + " could not be deleted: it came into use a moment ago. Try again."
	}
	said := name + " cannot be deleted while it is named by " + usedBy(use) + ". Remove it there first."
	if use.BehindCount > 0 {
		said += " Propagating a profile takes it out of the copies."
	}
	return said
}

func profileLinks(rows []database.Named) []ui.Link { return namedLinks("/access-profiles/", rows) }

func groupLinks(rows []database.Named) []ui.Link { return namedLinks("/mcp/tool-groups/", rows) }

func namedLinks(path string, rows []database.Named) []ui.Link {
	links := make([]ui.Link, len(rows))
	for i, row := range rows {
		links[i] = ui.Link{Label: row.Name, Href: path + strconv.FormatInt(row.ID, 10)}
	}
	return links
}
