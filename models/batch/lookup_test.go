package batch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"tollgate/models/batch"
)

// crowdReader reads keys when its gate is opened, and records its batches.
type crowdReader struct {
	mutex sync.Mutex
	reads [][]int
	gate  chan struct{}
}

var errSpoilt = errors.New("spoilt")

// read finds the double of every key but 13, fails when -1 is among them, and says that the database is away when -2
// is.
func (r *crowdReader) read(ctx context.Context, keys []int) (map[int]string, error) {
	r.mutex.Lock()
	r.reads = append(r.reads, slices.Clone(keys))
	r.mutex.Unlock()
	select {
	case <-r.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	found := map[int]string{}
	for _, key := range keys {
		switch key {
		case -1:
			return nil, errSpoilt
		case -2:
			return nil, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
		}
		if key != 13 {
			found[key] = fmt.Sprint(2 * key)
		}
	}
	return found, nil
}

// Callers that come while the reads that may run at once are under way share one read, and each gets its own value.
func TestWaitingKeysAreReadInOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &crowdReader{gate: make(chan struct{})}
		ask := batch.NewLookup(r.read).Get
		var asking sync.WaitGroup
		for key := range 50 {
			asking.Go(func() {
				value, found, err := ask(t.Context(), key%40)
				if want := fmt.Sprint(2 * (key % 40)); err != nil || found != (key%40 != 13) || found && value != want {
					t.Errorf("for %d got %q, %v, %v", key%40, value, found, err)
				}
			})
			if key < 2 {
				synctest.Wait() // they are read alone
			}
		}
		synctest.Wait()
		close(r.gate)
		asking.Wait()
		if len(r.reads) != 3 || len(r.reads[0]) != 1 || len(r.reads[1]) != 1 {
			t.Fatalf("read %v", r.reads)
		}
		// The two that were under way are read anew for the callers that came later.
		if keys := slices.Sorted(slices.Values(r.reads[2])); len(keys) != 40 || len(slices.Compact(keys)) != 40 {
			t.Errorf("read in one batch: %v", keys)
		}
	})
}

func TestNoCallerFailsForAnothersKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &crowdReader{gate: make(chan struct{})}
		ask := batch.NewLookup(r.read).Get
		var asking sync.WaitGroup
		gone, leave := context.WithCancel(t.Context())
		for _, key := range []int{100, 101, -1, 3, 4} {
			asking.Go(func() {
				ctx := t.Context()
				if key == 3 {
					ctx = gone
				}
				value, _, err := ask(ctx, key)
				switch {
				case key == -1 && !errors.Is(err, errSpoilt), key == 3 && !errors.Is(err, context.Canceled):
					t.Errorf("%d: %v", key, err)
				case key > 3 && (err != nil || value != fmt.Sprint(2*key)):
					t.Errorf("for %d got %q, %v", key, value, err)
				}
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		close(r.gate)
		asking.Wait()
	})
}

func TestNoRetryWhenTheDatabaseIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &crowdReader{gate: make(chan struct{})}
		ask := batch.NewLookup(r.read).Get
		var asking sync.WaitGroup
		for _, key := range []int{100, 101, -2, 3, 4} {
			asking.Go(func() {
				if _, _, err := ask(t.Context(), key); errors.Is(err, io.ErrUnexpectedEOF) != (key < 100) {
					t.Errorf("%d: %v", key, err)
				}
			})
			synctest.Wait()
		}
		close(r.gate)
		asking.Wait()
		if len(r.reads) != 3 {
			t.Errorf("read %v", r.reads)
		}
	})
}
