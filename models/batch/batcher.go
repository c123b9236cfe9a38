package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// atOnce is how many batches run at the same time: while one waits for the server or for a lock, another goes on.
const atOnce = 2

// Batcher runs the items of concurrent callers in batches. Its fields are set before the first item.
type Batcher[T any] struct {
	// Run handles a batch, and leaves what it found in the items.
	Run func(ctx context.Context, items []T) error
	// Timeout is how long that may take.
	Timeout time.Duration
	// Max is the size of a batch: items, or what Size makes of them.
	Max int
	// Size is how much an item counts for Max, 1 when it is nil.
	Size func(T) int
	// Alone reports whether each item of a batch is run by itself after an error that one of them may have caused.
	Alone func(items []T, err error) bool
	// Again reports whether an item has no answer yet, and goes into the next batch.
	Again func(T) bool

	mutex   sync.Mutex
	waiting []waiter[T]
	running int // batches under way
}

type waiter[T any] struct {
	item T
	done chan error // receives once
}

// Do waits for the batch of the item and returns its error, or ctx's error if ctx ends first.
func (b *Batcher[T]) Do(ctx context.Context, item T) error {
	w := waiter[T]{item, make(chan error, 1)}
	b.mutex.Lock()
	b.waiting = append(b.waiting, w)
	if b.running < atOnce {
		b.running++
		go b.work()
	}
	b.mutex.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for a batch: %w", ctx.Err())
	}
}

// work continues as long as callers wait.
func (b *Batcher[T]) work() {
	for next := b.next(nil); next != nil; {
		next = b.next(b.answer(next))
	}
}

// next takes the callers of the next batch, those whose item goes again first. Without any it returns nil, which ends
// the worker.
func (b *Batcher[T]) next(again []waiter[T]) []waiter[T] {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	all := append(again, b.waiting...)
	if b.waiting = nil; len(all) == 0 {
		b.running--
		return nil
	}
	n := 0
	for size := 0; n < len(all) && size < b.Max; n++ {
		size += b.size(all[n].item)
	}
	if n < len(all) {
		b.waiting = all[n:]
	}
	return all[:n:n]
}

func (b *Batcher[T]) size(item T) int {
	if b.Size == nil {
		return 1
	}
	return b.Size(item)
}

// answer runs a batch and answers its callers, except those whose items have to go again.
func (b *Batcher[T]) answer(batch []waiter[T]) (again []waiter[T]) {
	items := make([]T, len(batch))
	for i, w := range batch {
		items[i] = w.item
	}
	panicked, err := b.run(items)
	if err != nil && !panicked && len(batch) > 1 && b.Alone != nil && b.Alone(items, err) {
		for _, w := range batch {
			again = append(again, b.answer([]waiter[T]{w})...)
		}
		return again
	}
	for _, w := range batch {
		if err == nil && b.Again != nil && b.Again(w.item) {
			again = append(again, w)
			continue
		}
		w.done <- err
	}
	return again
}

// run turns a panic into an error: the callers would wait for ever otherwise.
func (b *Batcher[T]) run(items []T) (panicked bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.Timeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			panicked, err = true, fmt.Errorf("panic in a batch: %v\n%s", cause, debug.Stack())
		}
	}()
	return false, b.Run(ctx, items)
}
