package membership

import (
	"context"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/permission"
)

// Document is a group as audit rows show it. Members are listed as those who were added or removed.
type Document struct {
	Name       string `json:"name"`
	ExternalID string `json:"external_id"`
}

// Change is what an audit row says of a group.
type Change struct {
	Action, Group    string
	ConnectionID     int64
	Before, After    *Document // nil for none
	Added, Removed   []string  // users
	RemovedWhileAway []string  // users who had left, and no longer come back to the group
}

// Record writes the audit row.
func (c Change) Record(ctx context.Context, tx database.Tx, by permission.Actor) error {
	row := audit.Change{Actor: by.Name, Origin: audit.OriginOf(by), Action: c.Action}
	metadata := map[string]any{"resource": "scim_group", "id": c.Group, "connection_id": c.ConnectionID}
	for name, users := range map[string][]string{
		"added": c.Added, "removed": c.Removed, "removed_while_away": c.RemovedWhileAway,
	} {
		if len(users) > 0 {
			metadata[name] = users
		}
	}
	var before, after any
	if c.Before != nil {
		before = c.Before
	}
	if c.After != nil {
		after = c.After
	}
	if err := row.Documents(before, after, metadata); err != nil {
		return err
	}
	var err error
	if row.At, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	return audit.Record(tx, row)
}
