package schema

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models/migrations"
)

// State compares the schema of a database with that of this program.
type State struct {
	Pending   int // migrations of this program that expand and are not applied
	Contracts int // those that contract and are not applied
	Unknown   int // applied migrations that this program does not know
	// Newer is set when one of those contracts: this program may need what it has removed.
	Newer bool
}

// Read reads the state of a database.
func Read(ctx context.Context, db bun.IDB) (State, error) {
	m, err := discover(migrations.Files)
	if err != nil {
		return State{}, err
	}
	applied, err := appliedIn(ctx, db)
	if err != nil {
		return State{}, err
	}
	return m.compare(applied), nil
}

func (m known) compare(applied applied) (s State) {
	for _, one := range m.all {
		switch {
		case applied.has(one.Name):
		case m.contracts(one.Name):
			s.Contracts++
		default:
			s.Pending++
		}
	}
	for _, name := range applied.names {
		if !m.has(name) {
			s.Unknown++
		}
	}
	for _, name := range applied.contracts {
		s.Newer = s.Newer || !m.has(name)
	}
	return s
}
