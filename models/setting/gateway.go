package setting

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

const gatewayAddress = "gateway_address"

// Input is what an admin may set.
type Input struct {
	input.Row
	GatewayAddress input.Value `json:"gateway_address"`
}

// Whole completes an input from a form: an address sent empty is none.
func (in Input) Whole() Input {
	if in.GatewayAddress.Kind == input.Absent {
		in.GatewayAddress.Kind = input.Null
	}
	return in
}

// GatewayAddress is where users' programs reach the gateway, "" when it is not set.
func GatewayAddress(ctx context.Context, db bun.IDB) (address string, err error) {
	err = db.NewRaw("SELECT value FROM settings WHERE name = ?", gatewayAddress).Scan(ctx, &address)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the gateway's address: %w", err)
	}
	return address, nil
}

// SetGatewayAddress changes the address; null removes it. Refusals: Invalid, Forbidden.
func SetGatewayAddress(ctx context.Context, db bun.IDB, actor permission.Actor, in Input) (address string, err error) {
	address, err = in.read()
	if err != nil {
		return "", err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := identity.Lock(ctx, tx, actor, permission.UpdateSettings, nil, nil); err != nil {
			return err
		}
		before, err := GatewayAddress(ctx, tx)
		if err != nil || before == address {
			return err
		}
		_, err = tx.NewRaw(`
INSERT INTO settings (name, value, updated_at) VALUES (?, ?, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, gatewayAddress, address).Exec(ctx)
		if err != nil {
			return fmt.Errorf("store the gateway's address: %w", err)
		}
		return audit.RecordResource(ctx, tx, actor, "update", "setting", gatewayAddress,
			map[string]string{"name": gatewayAddress, gatewayAddress: before},
			map[string]string{"name": gatewayAddress, gatewayAddress: address})
	})
	return address, err
}

func (in Input) read() (string, error) {
	c := &input.Reader{}
	address := in.Read(c)
	return address, problem.InvalidInput(c.Problems)
}

// Read is the address, checked by itself.
func (in Input) Read(c *input.Reader) string {
	if in.GatewayAddress.Kind == input.Absent {
		c.Required(gatewayAddress, in.GatewayAddress, "the gateway's address, or null")
	}
	address := ""
	if in.GatewayAddress.Given() {
		text, ok := c.Text(gatewayAddress, in.GatewayAddress, input.TextRule{What: "the gateway's address", Max: 500})
		if ok && !isAddress(text) {
			c.Add(gatewayAddress, "invalid_url", "Enter an https or http address without user, "+
				"query and fragment, such as https://llm.example.com/v1.")
		}
		address = strings.TrimRight(text, "/")
	}
	return address
}

// isAddress reports whether an address is safe in commands: it has no space, quote or shell character.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil &&
		u.RawQuery == "" && !u.ForceQuery && !strings.ContainsAny(text, "#\"'`$\\ <>;&|(){}*!")
}
