package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tollgate/models/problem"
)

const (
	readTogether = 256 // keys at most
	readAtOnce   = 2   // one more can run while a read waits for the server
	readTime     = 5 * time.Second
)

// Batcher reads for many concurrent callers: those that arrive during a read share the next one.
type Batcher[K comparable, V any] struct {
	Read func(ctx context.Context, keys []K) (map[K]V, error)

	mutex   sync.Mutex
	waiting []waiter[K, V]
	working int // reads under way
}

type waiter[K comparable, V any] struct {
	key  K
	done chan readResult[V]
}

// readResult is what was read for a key, if anything was found.
type readResult[V any] struct {
	value V
	found bool
	err   error
}

// Get returns what is read for a key from now on, and whether anything was found.
func (t *Batcher[K, V]) Get(ctx context.Context, key K) (value V, found bool, err error) {
	w := waiter[K, V]{key, make(chan readResult[V], 1)}
	t.mutex.Lock()
	t.waiting = append(t.waiting, w)
	if t.working < readAtOnce {
		t.working++
		go t.work()
	}
	t.mutex.Unlock()
	select {
	case got := <-w.done:
		return got.value, got.found, got.err
	case <-ctx.Done():
		return value, false, fmt.Errorf("wait for a batch: %w", ctx.Err())
	}
}

// work continues as long as callers wait.
func (t *Batcher[K, V]) work() {
	for {
		t.mutex.Lock()
		next := t.waiting
		t.waiting = nil
		if len(next) > readTogether {
			next, t.waiting = next[:readTogether], next[readTogether:]
		}
		if len(next) == 0 {
			t.working--
			t.mutex.Unlock()
			return
		}
		t.mutex.Unlock()
		t.answer(next)
	}
}

// answer reads for all at once; when that fails, for each alone, so that no caller fails because of another's key,
// unless the database is unavailable or busy.
func (t *Batcher[K, V]) answer(waiting []waiter[K, V]) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	keys, asked := make([]K, 0, len(waiting)), make(map[K]bool, len(waiting))
	for _, w := range waiting {
		if !asked[w.key] {
			asked[w.key] = true
			keys = append(keys, w.key)
		}
	}
	values, err := t.Read(ctx, keys)
	var away *problem.Refusal
	if err != nil && len(keys) > 1 && !errors.As(problem.Classify(err), &away) {
		for _, w := range waiting {
			t.answer([]waiter[K, V]{w})
		}
		return
	}
	for _, w := range waiting {
		value, found := values[w.key]
		w.done <- readResult[V]{value, found, err}
	}
}
