package handlers

import (
	"context"
	"slices"
	"sync"

	"tollgate/models/batch"
	"tollgate/models/catalogue"
	"tollgate/models/profile"
	"tollgate/models/sample"
)

// batched reads for requests that arrive at the same time in one batch, which begins after each of them arrived.
type batched[K comparable, V any] struct {
	once  sync.Once
	reads *batch.Lookup[K, V]
}

func (b *batched[K, V]) of(
	ctx context.Context, key K, read func(context.Context, []K) (map[K]V, error),
) (value V, found bool, err error) {
	b.once.Do(func() { b.reads = batch.NewLookup(read) })
	return b.reads.Get(ctx, key)
}

// profileShow reads what is told of profiles beside their documents.
func (h *Handlers) profileShow(ctx context.Context, ids []int64) (map[int64]profile.Shown, error) {
	return profile.Show(ctx, h.DB, ids)
}

// profileListing is what the list of profiles says beside the profiles, the same for all of its pages. It is only read.
type profileListing struct {
	tags   []string
	models map[string]int // of each provider
	steps  sample.FirstSteps
}

// profileListing reads it, with the first steps when some request shows them.
func (h *Handlers) profileListing(ctx context.Context, withSteps []bool) (map[bool]profileListing, error) {
	var listing profileListing
	var err error
	if listing.tags, err = profile.Tags(ctx, h.DB); err != nil {
		return nil, err
	}
	if listing.models, err = catalogue.CountModels(ctx, h.DB); err != nil {
		return nil, err
	}
	if slices.Contains(withSteps, true) {
		if listing.steps, err = sample.FindFirstSteps(ctx, h.DB); err != nil {
			return nil, err
		}
	}
	return map[bool]profileListing{true: listing, false: listing}, nil
}
