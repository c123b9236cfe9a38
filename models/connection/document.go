package connection

import (
	"context"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/input"
)

// Described are the fields of a connection that documents have, with the default role by its name. Tokens are secrets,
// and rules name groups that only the directory brings: both are in no document.
type Described struct {
	input.Row
	Name          input.Value             `json:"name"`
	DefaultRole   input.Value             `json:"default_role"`
	EmailDomains  input.List[input.Value] `json:"email_domains"`
	RetentionDays input.Value             `json:"retention_days" default:"30"`
	IsEnabled     input.Value             `json:"is_enabled" default:"true"`
}

// Input is the input of the API with every field but the default role.
func (d Described) Input() Input {
	in := Input{
		Row: input.Row{Kind: input.Object}, Name: d.Name, EmailDomains: d.EmailDomains, RetentionDays: d.RetentionDays,
		IsEnabled: d.IsEnabled,
	}
	if !in.RetentionDays.Given() {
		in.RetentionDays = input.SampleNumber(strconv.Itoa(usualRetention))
	}
	if !in.IsEnabled.Given() {
		in.IsEnabled = input.Value{Kind: input.Bool, Text: "true"}
	}
	if in.EmailDomains.Kind == input.Absent || in.EmailDomains.Kind == input.Null {
		in.EmailDomains = input.SampleTexts(nil)
	}
	return in
}

// Read reads what a document says of a connection by itself.
func (d Described) Read(r *input.Reader) Connection {
	var c Connection
	in := d.Input()
	in.readName(r, &c)
	r.Required("default_role", d.DefaultRole, "a role's name")
	c.DefaultRole, _ = r.Text("default_role", d.DefaultRole, input.TextRule{What: "a role's name", Max: 255})
	in.readRest(r, &c)
	return c
}

// All are all connections, by name, without their users and tokens.
func All(ctx context.Context, db bun.IDB) (all []Connection, err error) {
	err = db.NewSelect().Model(&all).ColumnExpr("c.*").ColumnExpr("r.name AS default_role").
		Join("JOIN roles AS r ON r.id = c.default_role_id").Order("c.name_key").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the SCIM connections: %w", err)
	}
	return all, nil
}
