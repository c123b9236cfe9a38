package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// bareLedger counts as the console does, with the least work that this takes: it believes what it is sent, and knows the
// lines of every key.
type bareLedger struct {
	db   *pgxpool.Pool
	keys map[string]*heldKey
}

// heldKey is a key's user and the lines that a call of the model asked for is counted on.
type heldKey struct {
	counter       int64
	userID, keyID string
	lines         []heldLine
}

type heldLine struct {
	id, kind, duration string
	start              time.Time
}

// ledgerTables has a counter for each key, and the console's own tables of events and counters with their indexes and
// their room. Ids are unique in the week under way and in those before. It leaves out what the console stores besides:
// the counters of each event, the sums of days, the latest use of users and keys, and what other consoles read.
const ledgerTables = `
CREATE SCHEMA floor;
CREATE TABLE floor.counters (id bigint PRIMARY KEY, used bigint NOT NULL, most bigint NOT NULL);
INSERT INTO floor.counters SELECT n, 0, 1000000000 FROM generate_series(0, %d - 1) AS n;
CREATE TABLE floor.events (LIKE public.weekly_events INCLUDING ALL, PRIMARY KEY (event_id));
CREATE TABLE floor.events_before (LIKE public.weekly_events INCLUDING ALL, PRIMARY KEY (event_id));
CREATE TABLE floor.limit_windows (LIKE public.limit_windows INCLUDING ALL) WITH (fillfactor = 70);
ANALYZE floor.counters`

// ledgerLines are those that a call is counted on, with the start of the window under way.
const ledgerLines = `
WITH held AS (
    SELECT c.user_id, c.policy_id, p.calendar AS aligned, c.policy_id - $2 AS n
    FROM user_access_profiles AS c JOIN policies AS p ON p.id = c.policy_id WHERE c.policy_id >= $2
)
SELECT n, held.user_id, l.id::text, kind, reset_duration, window_start(reset_duration,
    NULL, aligned, l.created_at, NULL, NULL, now())
FROM held JOIN limit_lines AS l USING (policy_id) WHERE l.provider_name IS NULL OR l.provider_name = $1`

func serveLedger(ctx context.Context, addr, database string, keys int) error {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	config.MaxConns = 10 // as many as the console has
	l := &bareLedger{keys: make(map[string]*heldKey, keys)}
	if l.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	defer l.db.Close()
	if _, err := l.db.Exec(ctx, fmt.Sprintf(ledgerTables, keys)); err != nil {
		return fmt.Errorf("make the ledger's tables: %w", err)
	}
	if err := l.load(ctx, keys); err != nil {
		return fmt.Errorf("load the ledger's lines: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { c.Status(http.StatusOK) })
	engine.POST("/reserve", answering(l.reserve))
	engine.POST("/usage", answering(l.record))
	return listen(ctx, addr, engine)
}

func (l *bareLedger) load(ctx context.Context, keys int) error {
	all := make([]heldKey, keys)
	for n := range all {
		l.keys[keyValue(n)] = &all[n]
	}
	rows, err := l.db.Query(ctx, ledgerLines, askedProvider, firstHeld)
	if err != nil {
		return err
	}
	var n int64
	var user string
	var line heldLine
	_, err = pgx.ForEachRow(rows, []any{&n, &user, &line.id, &line.kind, &line.duration, &line.start},
		func() error {
			key := &all[n]
			key.counter, key.userID, key.keyID = n, user, keyIDOf(int(n))
			key.lines = append(key.lines, line)
			return nil
		})
	return err
}

// reserve takes one of a counter that has room.
func (l *bareLedger) reserve(c *gin.Context) error {
	var asked struct {
		Key string `json:"virtual_key"`
	}
	if err := json.NewDecoder(c.Request.Body).Decode(&asked); err != nil {
		return err
	}
	var used int64
	err := l.db.QueryRow(c.Request.Context(), "UPDATE floor.counters SET used = used + 1 WHERE id = $1 AND used + 1 <= most RETURNING used",
		l.keys[asked.Key].counter).Scan(&used)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"decision": true, "used": used})
	return nil
}
