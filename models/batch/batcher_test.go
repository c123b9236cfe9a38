package batch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/models/batch"
)

// runs records the batches that ran, each of which waits until it may end.
type runs struct {
	mutex   sync.Mutex
	batches [][]int
	gate    chan struct{}
}

func (r *runs) add(items []int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.batches = append(r.batches, slices.Clone(items))
}

func (r *runs) wait(ctx context.Context, items []int) error {
	r.add(items)
	select {
	case <-r.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// do runs items one after the other, so that two are under way and the rest wait, and then all at once.
func do(t *testing.T, b *batch.Batcher[int], gate chan struct{}, items ...int) []error {
	t.Helper()
	var callers sync.WaitGroup
	errs := make([]error, len(items))
	for i, item := range items {
		callers.Go(func() { errs[i] = b.Do(t.Context(), item) })
		synctest.Wait()
	}
	close(gate)
	callers.Wait()
	return errs
}

func TestItemsThatWaitRunInOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{gate: make(chan struct{})}
		b := &batch.Batcher[int]{Run: r.wait, Timeout: time.Second, Max: 3}
		for i, err := range do(t, b, r.gate, 1, 2, 3, 4, 5, 6) {
			if err != nil {
				t.Errorf("item %d: %v", i+1, err)
			}
		}
		slices.SortFunc(r.batches, slices.Compare)
		if want := [][]int{{1}, {2}, {3, 4, 5}, {6}}; !slices.EqualFunc(r.batches, want, slices.Equal) {
			t.Errorf("ran %v, want %v", r.batches, want)
		}
	})
}

func TestSizeOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{gate: make(chan struct{})}
		b := &batch.Batcher[int]{Run: r.wait, Timeout: time.Second, Max: 10, Size: func(item int) int { return item }}
		do(t, b, r.gate, 1, 2, 4, 5, 20, 3)
		slices.SortFunc(r.batches, slices.Compare)
		if want := [][]int{{1}, {2}, {3}, {4, 5, 20}}; !slices.EqualFunc(r.batches, want, slices.Equal) {
			t.Errorf("ran %v, want %v", r.batches, want)
		}
	})
}

// The third and the fourth item share a batch, and its end.
func TestEndOfABatch(t *testing.T) {
	spoilt := errors.New("spoilt")
	for _, c := range []struct {
		name    string
		batch   func(items []int) error
		alone   bool
		want    []string // of the four items
		batches int
	}{
		{"an error", func([]int) error { return spoilt }, false, []string{"", "", "spoilt", "spoilt"}, 3},
		{"a panic", func([]int) error { panic("broken") }, false, []string{"", "", "broken", "broken"}, 3},
		{
			"a panic of items that may run alone", func([]int) error { panic("broken") }, true,
			[]string{"", "", "broken", "broken"},
			3,
		},
		{"an error of one item", func(items []int) error {
			if slices.Contains(items, 3) {
				return spoilt
			}
			return nil
		}, true, []string{"", "", "spoilt", ""}, 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &runs{gate: make(chan struct{})}
			b := &batch.Batcher[int]{Timeout: time.Second, Max: 10, Run: func(ctx context.Context, items []int) error {
				if err := r.wait(ctx, items); err != nil || items[0] < 3 {
					return err
				}
				return c.batch(items)
			}}
			if c.alone {
				b.Alone = func([]int, error) bool { return true }
			}
			for i, err := range do(t, b, r.gate, 1, 2, 3, 4) {
				if (err == nil) != (c.want[i] == "") || err != nil && !strings.Contains(err.Error(), c.want[i]) {
					t.Errorf("%s: item %d ended with %v, want %q", c.name, i+1, err, c.want[i])
				}
			}
			if len(r.batches) != c.batches {
				t.Errorf("%s: ran %v", c.name, r.batches)
			}
			if err := b.Do(t.Context(), 1); err != nil {
				t.Errorf("%s: the next item ended with %v", c.name, err)
			}
		})
	}
}

// An item without an answer goes into the next batch, before those that came later.
func TestItemsThatRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, late, answered := &runs{gate: make(chan struct{})}, make(chan struct{}), map[int]bool{}
		b := &batch.Batcher[int]{Timeout: time.Second, Max: 2}
		b.Run = func(ctx context.Context, items []int) error {
			if items[0] == 1 {
				<-late
				return nil
			}
			answered[items[0]] = true // of a batch only the first gets an answer
			return r.wait(ctx, items)
		}
		b.Again = func(item int) bool { return item > 1 && !answered[item] }
		var first sync.WaitGroup
		first.Go(func() { _ = b.Do(t.Context(), 1) })
		synctest.Wait()
		for i, err := range do(t, b, r.gate, 2, 3, 4, 5, 6) {
			if err != nil {
				t.Errorf("item %d: %v", i+2, err)
			}
		}
		close(late)
		first.Wait()
		if want := [][]int{{2}, {3, 4}, {4, 5}, {5, 6}, {6}}; !slices.EqualFunc(r.batches, want, slices.Equal) {
			t.Errorf("ran %v, want %v", r.batches, want)
		}
	})
}

// A caller that stops waiting neither ends the batch nor waits for it, and a batch that takes too long ends.
func TestCallersHaveContextsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{gate: make(chan struct{})}
		b := &batch.Batcher[int]{Run: r.wait, Timeout: time.Minute, Max: 10}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var callers sync.WaitGroup
		ended := func(ctx context.Context, item int, want error, after time.Duration) {
			begun := time.Now()
			callers.Go(func() {
				if err := b.Do(ctx, item); !errors.Is(err, want) || time.Since(begun) != after {
					t.Errorf("item %d ended with %v after %s, want %v after %s", item, err, time.Since(begun), want, after)
				}
			})
			synctest.Wait()
		}
		ended(t.Context(), 1, context.DeadlineExceeded, time.Minute)
		ended(t.Context(), 2, context.DeadlineExceeded, time.Minute)
		ended(short, 3, context.DeadlineExceeded, time.Second)
		ended(t.Context(), 4, nil, 61*time.Second)
		time.AfterFunc(61*time.Second, func() { close(r.gate) })
		callers.Wait()
		if last := r.batches[len(r.batches)-1]; !slices.Equal(last, []int{3, 4}) {
			t.Errorf("ran %v", r.batches)
		}
	})
}
