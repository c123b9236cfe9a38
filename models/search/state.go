package search

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models/blocked"
)

// addStates says of each user among the hits whether they hold an active copy, and how its limits stand.
func addStates(ctx context.Context, db bun.IDB, hits []Hit) error {
	states, err := blocked.States(ctx, db, usersAmong(hits))
	if err != nil {
		return err
	}
	for i := range hits {
		if hit := &hits[i]; hit.Kind == User {
			hit.Known, hit.State = true, states[hit.ID]
		}
	}
	return nil
}

func usersAmong(hits []Hit) []string {
	var users []string
	for _, hit := range hits {
		if hit.Kind == User {
			users = append(users, hit.ID)
		}
	}
	return users
}
