package models

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// change is what an audit row says: who did what to which, with the values before and after.
type change struct {
	ProfileID *int64          `json:"access_profile_id"`
	UserID    *string         `json:"user_id"`
	Actor     string          `json:"actor"`
	Action    string          `json:"action"`
	Previous  json.RawMessage `json:"previous_values"`
	New       json.RawMessage `json:"new_values"`
	Metadata  json.RawMessage `json:"metadata"`
	At        time.Time       `json:"created_at"`
}

// digest is what the chain commits to: the row's content in a fixed form.
func (c change) digest() ([]byte, error) {
	content, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write audit row: %w", err)
	}
	sum := sha256.Sum256(content)
	return sum[:], nil
}

// profiles is by how many templates a change makes them more.
func (c change) profiles() int {
	switch {
	case c.ProfileID != nil && (c.Action == "create" || c.Action == "clone"):
		return 1
	case c.ProfileID != nil && c.Action == "delete":
		return -1
	}
	return 0
}

// record writes an audit row in the transaction of the change it describes. Each row's hash covers the one before, so the head is locked,
// last of all.
func record(ctx context.Context, tx bun.Tx, c change) error {
	digest, err := c.digest()
	if err != nil {
		return err
	}
	err = execLast(ctx, tx, `
WITH head AS (SELECT hash FROM audit_head FOR UPDATE),
     added AS (INSERT INTO audit_logs
                   (access_profile_id, user_id, actor, action, previous_values, new_values, metadata, created_at, hash)
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, sha256(head.hash || $9::bytea) FROM head
               RETURNING hash)
UPDATE audit_head SET hash = added.hash, access_profiles = access_profiles + $10 FROM added`,
		c.ProfileID, c.UserID, c.Actor, c.Action, optional(c.Previous), optional(c.New), optional(c.Metadata), c.At, digest, c.profiles())
	if err != nil {
		return fmt.Errorf("write audit row: %w", err)
	}
	return nil
}

func optional(document json.RawMessage) *string {
	if document == nil {
		return nil
	}
	text := string(document)
	return &text
}

// recordResource writes the audit row of a change to something a policy may name, or to who may sign in.
func recordResource(ctx context.Context, tx bun.Tx, actor Actor, action, resource, id string, previous, current any) error {
	c := change{Actor: actor.Name, Action: action}
	if resource == "user" {
		c.UserID = &id
	}
	if err := c.documents(previous, current, map[string]string{"resource": resource, "id": id}); err != nil {
		return err
	}
	var err error
	if c.At, err = databaseClock(ctx, tx); err != nil {
		return err
	}
	return record(ctx, tx, c)
}

// documents writes the values of a change as JSON; nil ones are left out.
func (c *change) documents(previous, current, metadata any) error {
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
