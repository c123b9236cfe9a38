package audit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"tollgate/models/database"
	"tollgate/models/permission"
)

// Change is what an audit row says: who did what to what, with the values before and after.
type Change struct {
	ProfileID *int64          `json:"access_profile_id"`
	UserID    *string         `json:"user_id"`
	Actor     string          `json:"actor"`
	Action    string          `json:"action"`
	Previous  json.RawMessage `json:"previous_values"`
	New       json.RawMessage `json:"new_values"`
	Metadata  json.RawMessage `json:"metadata"`
	At        time.Time       `json:"created_at"`
	Origin
}

// Origin is the door through which a change was made, and the API key that made it. Rows from before it was recorded
// have none.
type Origin struct {
	Door         *string `json:"door,omitempty"`
	APIKeyName   *string `json:"api_key_name,omitempty" bun:"api_key_name"`
	APIKeyPrefix *string `json:"api_key_prefix,omitempty" bun:"api_key_prefix"`
}

// OriginOf returns where an actor's change came from: the door, and the API key if one was used.
func OriginOf(a permission.Actor) (o Origin) {
	for field, value := range map[**string]string{
		&o.Door: a.Door, &o.APIKeyName: a.APIKeyName, &o.APIKeyPrefix: a.APIKeyPrefix,
	} {
		if value != "" {
			*field = &value
		}
	}
	return o
}

// digest is the content of a row that the chain covers, in a fixed encoding, with its documents byte by byte; see
// canonical.
func (c Change) digest() ([]byte, error) {
	content, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write audit row: %w", err)
	}
	sum := sha256.Sum256(content)
	return sum[:], nil
}

// profiles is the change in the number of profiles.
func (c Change) profiles() int {
	switch {
	case c.ProfileID != nil && (c.Action == "create" || c.Action == "clone"):
		return 1
	case c.ProfileID != nil && c.Action == "delete":
		return -1
	}
	return 0
}

// Record writes an audit row in the transaction of the change it describes. Each row's hash covers the one before, so
// the head is locked last.
func Record(tx database.Tx, c Change) error {
	for _, document := range []*json.RawMessage{&c.Previous, &c.New, &c.Metadata} {
		var err error
		if *document, err = canonical(*document); err != nil {
			return fmt.Errorf("write audit row: %w", err)
		}
	}
	digest, err := c.digest()
	if err != nil {
		return err
	}
	tx.Last(`
WITH head AS (SELECT hash FROM audit_head FOR UPDATE),
     added AS (INSERT INTO audit_logs
                   (access_profile_id, user_id, actor, action, previous_values, new_values, metadata, created_at, hash,
                    door, api_key_name, api_key_prefix)
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, sha256(head.hash || $9::bytea), $11, $12, $13 FROM head
               RETURNING hash)
UPDATE audit_head SET hash = added.hash, seq = seq + 1, access_profiles = access_profiles + $10 FROM added`,
		c.ProfileID, c.UserID, c.Actor, c.Action, optional(c.Previous), optional(c.New), optional(c.Metadata), c.At, digest,
		c.profiles(), c.Door, c.APIKeyName, c.APIKeyPrefix)
	return nil
}

// canonical is a document as it is stored: compact JSON with its escapes, so that its hash covers the stored bytes.
func canonical(document json.RawMessage) (json.RawMessage, error) {
	if document == nil {
		return nil, nil
	}
	written, err := json.Marshal(document)
	if err != nil || string(written) == "null" {
		return nil, err
	}
	return written, nil
}

func optional(document json.RawMessage) *string {
	if document == nil {
		return nil
	}
	text := string(document)
	return &text
}

// RecordResource writes the audit row of a change to a catalogue, a user, a role or another resource.
func RecordResource(
	ctx context.Context, tx database.Tx, actor permission.Actor, action, resource, id string, previous, current any,
) error {
	c := Change{Actor: actor.Name, Origin: OriginOf(actor), Action: action}
	if resource == "user" {
		c.UserID = &id
	}
	if err := c.Documents(previous, current, map[string]string{"resource": resource, "id": id}); err != nil {
		return err
	}
	var err error
	if c.At, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	return Record(tx, c)
}

// Documents writes the values of a change as JSON; nil ones are left out.
func (c *Change) Documents(previous, current, metadata any) error {
	for document, value := range map[*json.RawMessage]any{&c.Previous: previous, &c.New: current, &c.Metadata: metadata} {
		if value == nil {
			continue
		}
		var err error
		if *document, err = json.Marshal(value); err != nil {
			return fmt.Errorf("write audit row: %w", err)
		}
	}
	return nil
}
