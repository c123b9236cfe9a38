package webtest

import (
	"context"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// Statements counts the statements sent to the database.
type Statements struct{ N atomic.Int64 }

// BeforeQuery implements bun.QueryHook.
func (s *Statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

// AfterQuery counts a statement.
func (s *Statements) AfterQuery(context.Context, *bun.QueryEvent) { s.N.Add(1) }
