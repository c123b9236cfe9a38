package refusal

import (
	"hash/maphash"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

const (
	shards    = 64
	maxNames  = 20     // of one user in a minute, kept apart
	maxUsers  = 1_000  // of a shard, whose names are kept apart
	maxCells  = 20_000 // of a flush; past it only the reason is kept
	spareRoom = 500    // cells without anything but a reason, above maxCells
)

// Log collects decisions and adds them to the sums in the database. A nil Log collects nothing.
type Log struct {
	db       *bun.DB
	log      *slog.Logger
	keptDays int

	seed    maphash.Seed
	shards  [shards]shard
	cells   atomic.Int64 // cells that wait for a flush
	counted metrics

	flushing sync.Mutex
	console  uuid.UUID // zero until the database knows it
	number   int64     // of the last flush that was sent
	sending  []*flush  // taken and not yet confirmed
	flushed  time.Time // when the last one was confirmed, by this machine's clock
}

type shard struct {
	mutex   sync.Mutex
	cells   map[cellKey]*cell
	allowed map[hourKey]int64
	names   map[uuid.UUID]*namesOfMinute
	newest  int64    // minute, by the database's clock
	_       [64]byte // so that two cores do not share a line of their caches
}

// cellKey is what calls have in common that are counted together.
type cellKey struct {
	user, key, limit uuid.UUID
	minute           int64 // Unix time, in seconds
	copyID           int64
	asked            string
	reason           uint8
}

type cell struct {
	calls, cost, tokens int64
	first               Refusal
	last                time.Time
}

type hourKey struct{ hour, profile int64 }

// namesOfMinute is what a user asked for in a minute.
type namesOfMinute struct {
	minute int64
	hashes []uint64
}

// New makes a Log whose rows are kept for a number of days; Run writes them.
func New(db *bun.DB, log *slog.Logger, keptDays int) *Log {
	l := &Log{db: db, log: log, keptDays: keptDays, seed: maphash.MakeSeed(), counted: newMetrics()}
	for i := range l.shards {
		l.shards[i].cells, l.shards[i].allowed = map[cellKey]*cell{}, map[hourKey]int64{}
		l.shards[i].names = map[uuid.UUID]*namesOfMinute{}
	}
	return l
}

func (l *Log) shardOf(user uuid.UUID) *shard { return &l.shards[user[15]%shards] }

// Allowed counts a call that was allowed.
func (l *Log) Allowed(at time.Time, user uuid.UUID, profile int64) {
	if l == nil {
		return
	}
	key := hourKey{at.Unix() / 3600 * 3600, profile}
	s := l.shardOf(user)
	s.mutex.Lock()
	s.allowed[key]++
	s.mutex.Unlock()
}

// Add counts a call that was refused.
func (l *Log) Add(r Refusal) {
	if l == nil {
		return
	}
	code, ok := reasonCode(r.Reason)
	if !ok {
		return
	}
	l.counted.refused[code].Add(1)
	key := cellKey{
		user: r.User, key: r.Key, limit: r.Limit.ID, minute: r.At.Unix() / 60 * 60, copyID: r.CopyID, reason: code,
	}
	if r.User != uuid.Nil {
		key.asked = legible(r.Asked)
	}
	s := l.shardOf(r.User)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if key.asked != "" && !l.apart(s, key) {
		key.asked = Others
		l.counted.folded.Add(1)
	}
	if c := s.cells[key]; c != nil {
		c.add(r)
		return
	}
	if l.cells.Add(1) <= maxCells {
		s.cells[key] = newCell(r)
		return
	}
	l.cells.Add(-1)
	l.counted.folded.Add(1)
	l.fold(s, key, r)
}

// fold counts a call for which there is no room by its reason alone. The caller has the lock of the shard.
func (l *Log) fold(s *shard, key cellKey, r Refusal) {
	key = cellKey{minute: key.minute, reason: key.reason, asked: Others}
	if s != &l.shards[0] { // so that there is one such cell in a flush
		s = &l.shards[0]
		s.mutex.Lock()
		defer s.mutex.Unlock()
	}
	if c := s.cells[key]; c != nil {
		c.add(r)
		return
	}
	if l.cells.Load() >= maxCells+spareRoom {
		l.counted.dropped.Add(1)
		return
	}
	l.cells.Add(1)
	s.cells[key] = newCell(Refusal{At: r.At, Reason: r.Reason, Granted: r.Granted, Cost: r.Cost, Tokens: r.Tokens})
}

// apart reports whether a name is one of those that are kept apart for a user in a minute.
func (l *Log) apart(s *shard, key cellKey) bool {
	of := s.names[key.user]
	if of == nil {
		if len(s.names) >= maxUsers {
			return false
		}
		of = &namesOfMinute{}
		s.names[key.user] = of
	}
	s.newest = max(s.newest, key.minute)
	if of.minute != key.minute {
		of.minute, of.hashes = key.minute, of.hashes[:0]
	}
	hash := maphash.String(l.seed, key.asked)
	if slices.Contains(of.hashes, hash) {
		return true
	}
	if len(of.hashes) >= maxNames {
		return false
	}
	of.hashes = append(of.hashes, hash)
	return true
}

func newCell(r Refusal) *cell { return &cell{1, r.Cost, r.Tokens, r, r.At} }

func (c *cell) add(r Refusal) {
	c.calls++
	c.cost, c.tokens = sum(c.cost, r.Cost), sum(c.tokens, r.Tokens)
	if r.At.Before(c.first.At) {
		c.first.At = r.At
	}
	if r.At.After(c.last) {
		c.last = r.At
	}
}

// sum adds amounts that are not negative, up to the most that there is.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
