package config

import (
	"context"

	"tollgate/models/catalogue"
	"tollgate/models/input"
)

// providerDocument is a supplier of models with their prices.
type providerDocument struct {
	Header
	catalogue.ProviderInput
}

// whole is the input of the API with every field, so that what was left out gets its default.
func (d *providerDocument) whole() catalogue.ProviderInput {
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

func (d *providerDocument) read(c *input.Reader) wanted {
	p := d.whole().Read(c, catalogue.Provider{})
	return wanted{ID: ID{Key: p.Name}, Name: p.Name, resource: p}
}

func (s *saver) provider(ctx context.Context, w wanted, old *current) error {
	in := w.document.(*providerDocument).whole()
	if old == nil {
		_, err := catalogue.CreateProvider(ctx, s.tx, s.actor, in)
		return err
	}
	_, err := catalogue.UpdateProvider(ctx, s.tx, s.actor, old.Name, in)
	return err
}
