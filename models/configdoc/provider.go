package configdoc

import (
	"tollgate/models/catalogue"
	"tollgate/models/input"
)

// ProviderDocument is a supplier of models with their prices.
type ProviderDocument struct {
	Header
	catalogue.ProviderInput
}

// Whole is the input of the API with every field, so that what was left out gets its default.
func (d *ProviderDocument) Whole() catalogue.ProviderInput {
	in := d.ProviderInput
	in.Models, in.Prices = listed(in.Models), listed(in.Prices)
	return in
}

// listed is a list that is empty when it was left out.
func listed[T any](l input.List[T]) input.List[T] {
	if l.Kind == input.Absent {
		l.Kind = input.Array
	}
	return l
}

func (d *ProviderDocument) read(c *input.Reader) Wanted {
	p := d.Whole().Read(c, catalogue.Provider{})
	return Wanted{ID: ID{Key: p.Name}, Name: p.Name, Resource: p}
}
