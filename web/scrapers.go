package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"tollgate/handlers"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

const (
	// scraperPatience is how long a scrape waits for the database to say whose key it comes with.
	scraperPatience = time.Second
	// scraperKept is how long that holds while the database is away: a scraper asks every few seconds, and an outage may
	// last.
	scraperKept = 24 * time.Hour
	mostKept    = 100
)

// scrapers are the API keys that have read the metrics. While the database is away they may go on: that is when metrics
// are needed, and they hold nothing secret.
type scrapers struct {
	mutex sync.Mutex
	seen  map[[sha256.Size]byte]scraper
}

type scraper struct {
	actor permission.Actor
	seen  time.Time
}

// actor is whom an API key acts as, as the database says or, without it, said last. Refusals: Unauthenticated,
// Unavailable.
func (s *scrapers) actor(ctx context.Context, h *handlers.Handlers, secret string) (permission.Actor, error) {
	hash := sha256.Sum256([]byte(secret))
	asking, cancel := context.WithTimeout(ctx, scraperPatience)
	defer cancel()
	actor, err := h.Cache.KeyActorNow(asking, h.DB, secret)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil {
		if s.seen == nil || len(s.seen) >= mostKept {
			s.seen = map[[sha256.Size]byte]scraper{}
		}
		s.seen[hash] = scraper{actor, time.Now()}
		return actor, nil
	}
	var refusal *problem.Refusal
	if !errors.As(problem.Classify(err), &refusal) || refusal.Reason != problem.Unavailable {
		delete(s.seen, hash)
		return actor, err
	}
	if known, ok := s.seen[hash]; ok && time.Since(known.seen) < scraperKept {
		return known.actor, nil
	}
	return actor, err
}
