package config

import (
	"context"

	"tollgate/models/input"
	"tollgate/models/setting"
)

// settingsDocument is what is set for the whole console. There is one, without a name.
type settingsDocument struct {
	Header
	setting.Input
}

func (d *settingsDocument) read(c *input.Reader) wanted {
	address := d.whole().Read(c)
	return wanted{
		ID: ID{Key: Settings}, Name: Settings, resource: map[string]string{"gateway_address": address},
	}
}

func (d *settingsDocument) whole() setting.Input { return d.Input.Whole() }

func (s *saver) settings(ctx context.Context, w wanted) error {
	_, err := setting.SetGatewayAddress(ctx, s.tx, s.actor, w.document.(*settingsDocument).whole())
	return err
}
