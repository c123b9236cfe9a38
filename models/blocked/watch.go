package blocked

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

const (
	kept       = 30 * time.Second
	keptFactor = 20 // a result is kept for this many times as long as its read took
	live       = 50 * time.Millisecond
)

// Watch reads who is blocked. While a read is slow, every reader gets the last result, so that reading takes at most a
// twentieth of the time.
type Watch struct {
	mutex  sync.Mutex
	users  []string
	readAt time.Time
	until  time.Time
}

// Users are the ids of the users of whom a limit is used up, as of when; zero for now. No call
// waits for another.
func (w *Watch) Users(ctx context.Context, db bun.IDB) (users []string, asOf time.Time, err error) {
	begin := time.Now()
	w.mutex.Lock()
	users, asOf, until := w.users, w.readAt, w.until
	w.mutex.Unlock()
	if begin.Before(until) {
		return users, asOf, nil
	}
	users, err = loadUsers(ctx, db)
	if took := time.Since(begin); err == nil && took > live {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		if begin.After(w.readAt) {
			w.users, w.readAt, w.until = users, begin, time.Now().Add(min(kept, keptFactor*took))
		}
	}
	return users, time.Time{}, err
}

func loadUsers(ctx context.Context, db bun.IDB) ([]string, error) {
	users := []string{}
	rows, err := database.QueryPlanned(ctx, db, selectUsers)
	if err != nil {
		return nil, fmt.Errorf("look for users who are blocked: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var user string
		if err := rows.Scan(&user); err != nil {
			return nil, fmt.Errorf("read a user who is blocked: %w", err)
		}
		users = append(users, user)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for users who are blocked: %w", err)
	}
	return users, nil
}
