package batch

import (
	"context"
	"errors"
	"time"

	"tollgate/models/problem"
)

const (
	keysAtOnce = 256
	readTime   = 5 * time.Second
)

// Lookup reads values by their keys for concurrent callers.
type Lookup[K comparable, V any] struct {
	read    func(ctx context.Context, keys []K) (map[K]V, error)
	batcher Batcher[*lookedUp[K, V]]
}

// lookedUp is a key, and what was read for it if anything was found.
type lookedUp[K comparable, V any] struct {
	key   K
	value V
	found bool
}

// NewLookup makes a Lookup of a function that reads many keys at once. After an error each key is read by itself, so
// that no caller fails because of another's key, unless the database is unavailable or busy.
func NewLookup[K comparable, V any](read func(ctx context.Context, keys []K) (map[K]V, error)) *Lookup[K, V] {
	l := &Lookup[K, V]{read: read}
	l.batcher = Batcher[*lookedUp[K, V]]{Run: l.run, Timeout: readTime, Max: keysAtOnce, Alone: l.mayBeOfOne}
	return l
}

// Get returns the value of a key, read after this call began, and whether there is one.
func (l *Lookup[K, V]) Get(ctx context.Context, key K) (value V, found bool, err error) {
	asked := &lookedUp[K, V]{key: key}
	if err := l.batcher.Do(ctx, asked); err != nil {
		return value, false, err
	}
	return asked.value, asked.found, nil
}

func (l *Lookup[K, V]) run(ctx context.Context, batch []*lookedUp[K, V]) error {
	values, err := l.read(ctx, keysOf(batch))
	if err != nil {
		return err
	}
	for _, one := range batch {
		one.value, one.found = values[one.key]
	}
	return nil
}

// keysOf are the keys that are asked for, each once.
func keysOf[K comparable, V any](batch []*lookedUp[K, V]) []K {
	keys, asked := make([]K, 0, len(batch)), make(map[K]bool, len(batch))
	for _, one := range batch {
		if !asked[one.key] {
			asked[one.key] = true
			keys = append(keys, one.key)
		}
	}
	return keys
}

// mayBeOfOne reports whether one key among several may have caused an error.
func (l *Lookup[K, V]) mayBeOfOne(batch []*lookedUp[K, V], err error) bool {
	var unavailable *problem.Refusal
	return len(keysOf(batch)) > 1 && !errors.As(problem.Classify(err), &unavailable)
}
