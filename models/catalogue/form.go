package catalogue

import (
	"tollgate/models/input"
)

// Whole completes an input from a form: a field sent empty is empty, not absent, and models and prices are lines of
// text.
func (in ProviderInput) Whole() ProviderInput {
	in.Version = input.SentVersion(in.Version)
	if in.Models.Kind != input.Absent {
		in.Models = input.Split(in.Models, "\n")
	}
	if in.PriceLines.FromForm {
		in.Prices = PriceLines(in.PriceLines.Text)
	}
	return in
}

// Input returns the form input that describes p.
func (p Provider) Input() ProviderInput {
	in := ProviderInput{
		Name: input.FormValue(p.Name), Models: input.TypedList(p.Models), Version: input.Version(p.UpdatedAt),
	}
	for _, price := range p.Prices {
		in.Prices.Items = append(in.Prices.Items, price.input())
	}
	return in
}

func (p ModelPrice) input() ModelPriceInput {
	in := ModelPriceInput{
		Model:  input.FormValue(p.Model),
		Input:  input.FormValue(p.Input.String()),
		Output: input.FormValue(p.Output.String()),
	}
	if p.CacheRead != nil {
		in.CacheRead = input.FormValue(p.CacheRead.String())
	}
	if p.CacheWrite != nil {
		in.CacheWrite = input.FormValue(p.CacheWrite.String())
	}
	return in
}
