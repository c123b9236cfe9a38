package inventory

import (
	"net/url"

	"tollgate/models/catalogue"
	"tollgate/models/plural"
	"tollgate/views/ui"
)

// ProviderRead is a provider's page. Search narrows its models by name, Price by whether they have one.
type ProviderRead struct {
	catalogue.Provider
	Use           catalogue.Use
	Search, Price string
}

// priceFilters narrow the list of a provider's models by their price.
var priceFilters = []ui.Option{
	{Value: "", Label: "With and without a price"}, {Value: "set", Label: "With a price"}, {Value: "none", Label: "Without a price"},
}

// modelRow is a model with its price; one that has only a price is not listed.
type modelRow struct {
	Name   string
	Listed bool
	Price  *catalogue.ModelPrice
}

func (p ProviderRead) rows() []modelRow {
	priced := map[string]*catalogue.ModelPrice{}
	for i := range p.Prices {
		priced[catalogue.BareModel(p.Name, p.Prices[i].Model)] = &p.Prices[i]
	}
	var rows []modelRow
	listed := map[string]bool{}
	for _, model := range p.Models {
		bare := catalogue.BareModel(p.Name, model)
		listed[bare] = true
		rows = append(rows, modelRow{Name: model, Listed: true, Price: priced[bare]})
	}
	for i := range p.Prices {
		if price := &p.Prices[i]; !listed[catalogue.BareModel(p.Name, price.Model)] {
			rows = append(rows, modelRow{Name: price.Model, Price: price})
		}
	}
	return rows
}

func (p ProviderRead) shown() []modelRow {
	var shown []modelRow
	for _, row := range p.rows() {
		if matches(p.Search, row.Name) && (p.Price == "" || (p.Price == "set") == (row.Price != nil)) {
			shown = append(shown, row)
		}
	}
	return shown
}

// unpriced is how many of the models have no price.
func (p ProviderRead) unpriced() int {
	n := 0
	for _, row := range p.rows() {
		if row.Price == nil {
			n++
		}
	}
	return n
}

func (p ProviderRead) href(price string) string {
	return "/providers/" + url.PathEscape(p.Name) + "?price=" + price
}

// noPrice says how many models have no price: 4 models have no price.
func noPrice(n int) string {
	return plural.Of(n, "model") + plural.Choose(n == 1, " has", " have") + " no price"
}
