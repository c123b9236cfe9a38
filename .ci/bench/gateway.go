package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tollgate/models/profile"
)

const (
	askers       = 32          // clients of a gateway
	warmPatience = time.Minute // the keys that were not asked with by then are left out
	// The memory is that of the keys that were read by then.
	memoryPatience = 2 * time.Minute
	// The model of every call: all assigned profiles grant it.
	askedProvider = "openai"
	askedModel    = "gpt-5-mini"
)

// handedOut are profiles of the sample data; the keys have copies of them in turn.
var handedOut = []string{"Engineering", "Platform team", "Support", "Contractors"}

// gateway is a console with very many virtual keys, each of a user of its own.
type gateway struct {
	*console
	owner     string // the address of its database for filling it
	templates []profile.Profile
	keys      []string
	wanted    int   // keys that were given
	idle      int64 // bytes resident without the keys
	warmed    bool
	ready     time.Duration // from the start with all keys
	known     int           // keys in memory three seconds after that, or as soon as all are
	knownIn   time.Duration // from being ready
	ledger    *process      // the floor of what counts
}

// openGateway starts the console that gateways ask, unless it is there already.
func (b *bench) openGateway(ctx context.Context) (*gateway, error) {
	if b.gateway != nil {
		return b.gateway, nil
	}
	g := &gateway{keys: make([]string, b.options.keys), wanted: b.options.keys}
	for n := range g.keys {
		g.keys[n] = keyValue(n)
	}
	var err error
	if g.console, g.owner, err = b.beside(ctx, "gateway"); err != nil {
		return nil, err
	}
	if err := g.findTemplates(ctx); err != nil {
		return nil, err
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	if g.idle, err = g.resident(); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := g.fill(ctx); err != nil {
		return nil, fmt.Errorf("hand out copies and keys: %w", err)
	}
	fmt.Fprintf(b.out, "Gave %d users a copy and a key each in %s.\n", len(g.keys), brief(time.Since(begin)))
	b.gateway = g
	return g, b.restart(ctx, g)
}

// restart restarts the console, since earlier work still takes memory, and records how soon it has all keys in memory.
func (b *bench) restart(ctx context.Context, g *gateway) error {
	if err := g.stop(); err != nil {
		return err
	}
	var err error
	begin := time.Now()
	g.process, err = start(ctx, b.dir, g.name, strings.TrimPrefix(g.url, "http://"), "/readyz", g.environment,
		b.options.console, "serve")
	if err != nil {
		return err
	}
	b.running = append(b.running, g.process)
	g.ready = time.Since(begin)
	for begin = time.Now(); g.known < len(g.keys) && g.knownIn < warmIn; g.knownIn = time.Since(begin) {
		if g.known, err = g.keysInMemory(ctx); err != nil {
			return err
		}
	}
	return nil
}

// warmIn is how soon after it is ready a console has to answer for all keys.
const warmIn = 3 * time.Second

func (g *gateway) keysInMemory(ctx context.Context) (n int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	request.Header = http.Header{"Authorization": {"Bearer " + g.key}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "tollgate_keys_in_memory "); ok {
			keys, err := strconv.ParseFloat(value, 64)
			return int(keys), err
		}
	}
	return 0, lines.Err()
}

func (g *gateway) findTemplates(ctx context.Context) error {
	var listed struct {
		Profiles []profile.Profile `json:"access_profiles"`
	}
	if _, err := g.ask(ctx, http.MethodGet, "/api/access-profiles?limit=100", nil, &listed); err != nil {
		return err
	}
	for _, name := range handedOut {
		i := slices.IndexFunc(listed.Profiles, func(p profile.Profile) bool { return p.Name == name })
		if i < 0 {
			return fmt.Errorf("the sample data has no profile %q", name)
		}
		g.templates = append(g.templates, listed.Profiles[i])
	}
	return nil
}

// template is the profile that the n-th key has a copy of.
func (g *gateway) template(n int) profile.Profile { return g.templates[n%len(g.templates)] }

// anyKey is one of all, each as likely.
func (g *gateway) anyKey() string { return g.keys[rand.IntN(len(g.keys))] } //nolint:gosec // any will do

// asking is a call of a model, with any key.
func (g *gateway) asking(reserve bool) target {
	t := g.posting("/api/decisions")
	t.body = func() []byte { return question(g.anyKey(), reserve) }
	return t
}

func (g *gateway) posting(path string) target {
	t := g.api(http.MethodPost, path, http.StatusOK)
	t.header.Set("Content-Type", "application/json")
	t.workers = askers
	return t
}

func question(key string, reserve bool) []byte {
	return fmt.Appendf(make([]byte, 0, 256), `{"virtual_key":%q,"provider":%q,"model":%q,"estimated_cost":0.000001,"estimated_tokens":1,"reserve":%t}`,
		key, askedProvider, askedModel, reserve)
}

// warm calls once with every key, and records how fast that was and the size of the console afterwards.
func (b *bench) warm(ctx context.Context, g *gateway) error {
	if g.warmed {
		return nil
	}
	var asked atomic.Int64
	t := g.asking(false)
	t.body = func() []byte { return question(g.keys[(int(asked.Add(1))-1)%len(g.keys)], false) }
	b.add(line{
		id: "P7w", what: fmt.Sprintf("keys of %d known %s after ready", len(g.keys), brief(g.knownIn)),
		ours: fmt.Sprintf("%d, ready after %s", g.known, brief(g.ready)), bar: "all within 3 s",
		verdict: atLeast(1).verdict(float64(g.known) / float64(len(g.keys))),
	})
	begin, slowest := time.Now(), time.Duration(0)
	for int(asked.Load()) < len(g.keys) && time.Since(begin) < warmPatience {
		r, err := t.load(ctx, b.slice)
		if err != nil {
			return err
		}
		slowest = max(slowest, r.p99)
		fmt.Fprintf(os.Stderr, "P7 asked with %d keys, %s\n", asked.Load(), r)
	}
	took := time.Since(begin)
	g.warmed, g.keys = true, g.keys[:min(int(asked.Load()), len(g.keys))]
	b.add(line{
		id: "P7", what: fmt.Sprintf("ask with %d keys once", len(g.keys)),
		ours: fmt.Sprintf("%s, %.0f/s", brief(took), float64(asked.Load())/took.Seconds()),
	})
	const coldBar = 20 * time.Millisecond
	b.add(line{
		id: "P7w", what: "first decision of a key, p99 of the slowest slice", ours: brief(slowest), bar: "≤ " + brief(coldBar),
		verdict: atMost(float64(coldBar)).verdict(float64(slowest)),
	})
	return b.measureMemory(ctx, g)
}

// measureMemory records the size of the console once it has read the keys that it goes on reading in bulk.
func (b *bench) measureMemory(ctx context.Context, g *gateway) error {
	begin, all, kept := time.Now(), g.wanted, 0
	for kept < all && time.Since(begin) < memoryPatience {
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		var err error
		if kept, err = g.keysInMemory(ctx); err != nil {
			return err
		}
	}
	resident, err := g.resident()
	if err != nil {
		return err
	}
	const of100k, ofAMillion = 200 << 20, 1200 << 20
	most, of := int64(of100k), 100_000
	if all >= 1_000_000 {
		most, of = ofAMillion, 1_000_000
	}
	grown := resident - g.idle
	b.add(line{
		id: "P7", what: fmt.Sprintf("memory of %d keys, %s after the last call", kept, brief(time.Since(begin))),
		ours:  fmt.Sprintf("%d MB, %d bytes each", grown>>20, grown/int64(kept)),
		other: fmt.Sprintf("idle %d MB", g.idle>>20), bar: fmt.Sprintf("≤ %d MB of %d", most>>20, of),
		verdict: atMost(float64(most)).verdict(float64(grown) / float64(kept) * float64(of)),
	})
	return nil
}

// connect opens the gateway's database as the owner of its tables.
func (g *gateway) connect(ctx context.Context) (*pgx.Conn, error) {
	db, err := pgx.Connect(ctx, g.owner)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, "SET statement_timeout = 0"); err != nil {
		db.Close(ctx)
		return nil, err
	}
	return db, nil
}
