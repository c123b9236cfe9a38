package configdoc

import (
	"tollgate/models/input"
	"tollgate/models/setting"
)

// SettingsDocument is what is set for the whole console. There is one, without a name.
type SettingsDocument struct {
	Header
	setting.Input
}

func (d *SettingsDocument) read(c *input.Reader) Wanted {
	address := d.Whole().Read(c)
	return Wanted{
		ID: ID{Key: Settings}, Name: Settings, Resource: map[string]string{"gateway_address": address},
	}
}

// Whole is the input of the API with every field, so that what was left out gets its default.
func (d *SettingsDocument) Whole() setting.Input { return d.Input.Whole() }
