package quarantine

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/input"
	"tollgate/models/permission"
)

// Candidate is a user who may have caused an event, and why.
type Candidate struct {
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	Email  string `json:"email"` // "" of a user who left
	Why    string `json:"why"`
	Left   bool   `json:"left"` // was deleted, and cannot be charged
}

// addCandidates finds the users that events may belong to, by the end of the key and by what was sent as the user: none
// for an actor who may not see users, since an event can be sent to ask who has an address.
func addCandidates(ctx context.Context, db bun.IDB, actor permission.Actor, events []Event) error {
	if !actor.May(permission.ViewUsers) {
		return nil
	}
	endings, said := []string{}, []string{}
	for _, e := range events {
		if e.VirtualKey != "" {
			endings = append(endings, e.ending())
		}
		if e.UserID != "" {
			said = append(said, input.FoldCase(e.UserID))
		}
	}
	var rows []struct {
		Candidate
		Kind, Match string
	}
	err := db.NewRaw(`
SELECT 'key' AS kind, k.last_four AS match, u.id AS user_id, u.name, u.email,
    'Has the key "' || k.name || '", which ends in ' || k.last_four || '.' AS why, false AS "left"
FROM virtual_keys AS k JOIN users AS u ON u.id = k.user_id WHERE k.last_four = ANY (?0)
UNION ALL SELECT 'said', u.email_key, u.id, u.name, u.email, 'Has this email address.', false FROM users AS u
    WHERE u.email_key = ANY (?1)
UNION ALL SELECT 'said', lower(u.name), u.id, u.name, u.email, 'Has this name.', false FROM users AS u
    WHERE lower(u.name) = ANY (?1)
UNION ALL SELECT 'said', split_part(u.email_key, '@', 1), u.id, u.name, u.email,
    'Has an email address that begins with this.', false
FROM users AS u WHERE split_part(u.email_key, '@', 1) = ANY (?1)
UNION ALL SELECT 'said', f.id, f.id, f.name, '', 'Had this id, and was deleted.', true FROM former_names AS f
    WHERE f.kind = 'user' AND f.id = ANY (?1)
ORDER BY 4, 3`, pgdialect.Array(endings), pgdialect.Array(said)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("look for who quarantined events are of: %w", err)
	}
	for i := range events {
		e, seen := &events[i], map[string]bool{}
		for _, row := range rows {
			fits := row.Kind == "key" && e.VirtualKey != "" && row.Match == e.ending() || row.Kind == "said" && e.UserID != "" &&
				row.Match == input.FoldCase(e.UserID)
			if fits && !seen[row.UserID] {
				seen[row.UserID] = true
				e.Candidates = append(e.Candidates, row.Candidate)
			}
		}
	}
	return nil
}

// ending is what is known of the key: its last characters.
func (e Event) ending() string {
	_, ending, _ := strings.Cut(e.VirtualKey, "****")
	return ending
}
