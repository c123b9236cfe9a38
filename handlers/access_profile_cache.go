package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/profile"
	"tollgate/views"
)

// profileBytesKept bounds a cache by the size of the documents that its entries were made of.
const profileBytesKept = 8 << 20

// profileCache keeps what lists made of the documents that they showed last. A version never changes, so no entry
// becomes wrong.
type profileCache[T any] struct {
	mutex sync.Mutex
	kept  map[profile.At]T
	bytes int
}

// of returns the result of make for each profile named, in their order, without profiles that were deleted meanwhile.
func (p *profileCache[T]) of(
	ctx context.Context, db bun.IDB, named []profile.At, make func(json.RawMessage) (T, error),
) ([]T, error) {
	known, missing := p.known(named)
	if len(missing) > 0 {
		documents, err := profile.DocumentsAt(ctx, db, missing)
		if err != nil {
			return nil, err
		}
		for at, document := range documents {
			if known[at], err = make(document); err != nil {
				return nil, err
			}
			p.keep(at, known[at], len(document))
		}
	}
	var all []T
	for _, at := range named {
		if one, ok := known[at]; ok {
			all = append(all, one)
		}
	}
	return all, nil
}

func (p *profileCache[T]) known(named []profile.At) (known map[profile.At]T, missing []profile.At) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	known = make(map[profile.At]T, len(named))
	for _, at := range named {
		if one, ok := p.kept[at]; ok {
			known[at] = one
		} else {
			missing = append(missing, at)
		}
	}
	return known, missing
}

// keep empties the cache when it is full: the profiles that users look at are cached again with the next page.
func (p *profileCache[T]) keep(at profile.At, one T, bytes int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.kept == nil || p.bytes+bytes > profileBytesKept {
		p.kept, p.bytes = map[profile.At]T{}, 0
	}
	p.kept[at] = one
	p.bytes += bytes
}

func asDocument(document json.RawMessage) (json.RawMessage, error) { return document, nil }

// listedProfile is a profile's row of the list, and when the profile changed last.
type listedProfile struct {
	views.ProfileRow
	id      int64
	changed time.Time
}

func asListed(document json.RawMessage) (listedProfile, error) {
	var shown profile.Profile
	if err := database.ReadDocument(document, &shown); err != nil {
		return listedProfile{}, fmt.Errorf("read a listed access profile: %w", err)
	}
	row := views.ProfileRowOf(shown, tagLink)
	row.Printed = new(views.PrintedRow)
	return listedProfile{row, shown.ID, shown.UpdatedAt}, nil
}
