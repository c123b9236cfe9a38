package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"tollgate/models/apikey"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

const (
	// scraperTimeout is how long a scrape waits for the database to look up its API key.
	scraperTimeout = time.Second
	// scraperTTL is how long a cached key is accepted while the database is unavailable. An outage may last, so it is
	// long.
	scraperTTL  = 24 * time.Hour
	maxScrapers = 100
)

// scrapers caches the API keys that have read the metrics. They go on working while the database is unavailable: that
// is when metrics are needed, and metrics contain no secrets.
type scrapers struct {
	mutex sync.Mutex
	seen  map[[sha256.Size]byte]scraper
}

type scraper struct {
	actor permission.Actor
	seen  time.Time
}

// actor is the actor of an API key according to the database or, while it is unavailable, to its last answer. Refusals:
// Unauthenticated, Unavailable.
func (s *scrapers) actor(ctx context.Context, actors *apikey.Actors, secret string) (permission.Actor, error) {
	hash := sha256.Sum256([]byte(secret))
	lookup, cancel := context.WithTimeout(ctx, scraperTimeout)
	defer cancel()
	found, err := actors.Of(lookup, secret)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil {
		if s.seen == nil || len(s.seen) >= maxScrapers {
			s.seen = map[[sha256.Size]byte]scraper{}
		}
		s.seen[hash] = scraper{found.Actor, time.Now()}
		return found.Actor, nil
	}
	var refusal *problem.Refusal
	if !errors.As(problem.Classify(err), &refusal) || refusal.Reason != problem.Unavailable {
		delete(s.seen, hash)
		return permission.Actor{}, err
	}
	if cached, ok := s.seen[hash]; ok && time.Since(cached.seen) < scraperTTL {
		return cached.actor, nil
	}
	return permission.Actor{}, err
}
