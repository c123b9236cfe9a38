package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

func (c *console) api(method, path string, status int) target {
	header := http.Header{"Authorization": {"Bearer " + c.key}}
	return target{method: method, url: c.url + path, header: header, status: status, workers: clients}
}

func (c *console) creating(group int64) target {
	t := c.api(http.MethodPost, "/api/access-profiles", http.StatusCreated)
	t.header.Set("Content-Type", "application/json")
	t.body = profileBody(group)
	return t
}

func (c *console) page(path string) target {
	return target{
		method: http.MethodGet, url: c.url + path, header: http.Header{"Cookie": {c.cookie}},
		status: http.StatusOK, workers: clients,
	}
}

func (p *process) get(path string) target {
	return target{method: http.MethodGet, url: p.url + path, status: http.StatusOK, workers: clients}
}

// rival is what the console is compared with.
type rival struct {
	name string
	target
	bar *bar
}

// against loads the console and its rivals in turn, round after round, and records the medians of the rates and of the
// ratios.
func (b *bench) against(ctx context.Context, id, what string, ours target, rivals ...rival) error {
	targets := []target{ours}
	for _, r := range rivals {
		targets = append(targets, r.target)
	}
	results, err := b.rounds(ctx, targets)
	if err != nil {
		return err
	}
	for i, r := range rivals {
		var ratios []float64
		for round := range results[0] {
			ratios = append(ratios, results[0][round].rate/results[i+1][round].rate)
		}
		ratio := median(ratios)
		b.add(line{
			id: id, what: what, ours: middle(results[0]).String(), other: r.name + " " + middle(results[i+1]).String(),
			ratio: fmt.Sprintf("%.2f", ratio), bar: r.bar.String(), verdict: r.bar.verdict(ratio),
		})
	}
	return nil
}

// rounds loads each target in each round; the results are by target, then by round.
func (b *bench) rounds(ctx context.Context, targets []target) ([][]result, error) {
	results := make([][]result, len(targets))
	for _, t := range targets { // once without counting
		if _, err := t.load(ctx, b.slice/4); err != nil {
			return nil, err
		}
	}
	for range b.options.rounds {
		for i, t := range targets {
			r, err := t.load(ctx, b.slice)
			if err != nil {
				return nil, err
			}
			results[i] = append(results[i], r)
		}
	}
	return results, nil
}

// measurePairs starts the rivals and compares the small console with them.
func (b *bench) measurePairs(ctx context.Context) error {
	floor, err := b.rival(ctx, "floor", "/", "-database", b.socket.URL(ownerRole))
	if err != nil {
		return err
	}
	pocketbase, err := b.rival(ctx, "pocketbase", pocketBaseHealth, "-dir", filepath.Join(b.dir, "pocketbase"))
	if err != nil {
		return err
	}
	record := pocketbase.get(pocketBaseRecords)
	record.method, record.header = http.MethodPost, http.Header{"Content-Type": {"application/json"}}
	record.body = recordOf(func() []byte { return b.sample })
	for range small {
		if _, _, err := record.once(ctx); err != nil {
			return err
		}
	}
	if err := b.measureReads(ctx, floor, pocketbase); err != nil {
		return err
	}
	if !b.wanted("P1") {
		return nil
	}
	if err := b.grow(ctx); err != nil {
		return err
	}
	store := floor.get("/create")
	store.method, store.status, store.body = http.MethodPost, http.StatusCreated, profileBody(b.group)
	record.body = recordOf(profileBody(b.group))
	return b.against(ctx, "P1", "create a profile of 16 rows", b.console.creating(b.group),
		rival{"bulk insert", store, atLeast(0.8)}, rival{"PocketBase", record, nil})
}

// grow gives console and floor tables of the same size: on tables of a few rows PostgreSQL plans to read all of them,
// and keeps to that while they grow.
func (b *bench) grow(ctx context.Context) error {
	if err := b.filled.to(ctx, grown); err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, b.filled.url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	for _, table := range fillTables {
		name := pgx.Identifier{table.name}.Sanitize()
		columns := strings.Join(table.columns, ", ")
		_, err := db.Exec(ctx, "SET session_replication_role = replica; INSERT INTO floor."+name+" ("+columns+") SELECT "+
			columns+" FROM public."+name+"; ANALYZE floor."+name)
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) measureReads(ctx context.Context, floor, pocketbase *process) error {
	if b.wanted("P2") {
		list := b.console.api(http.MethodGet, "/api/access-profiles", http.StatusOK)
		err := b.against(ctx, "P2", "list 25 profiles as JSON", list, rival{"documents", floor.get("/list"), atLeast(0.5)},
			rival{"PocketBase", pocketbase.get(pocketBaseRecords + "?perPage=25&sort=name"), atLeast(4)})
		if err != nil {
			return err
		}
		one := fmt.Sprintf("/%d", first)
		err = b.against(ctx, "P2", "get a profile", b.console.api(http.MethodGet, "/api/access-profiles"+one, http.StatusOK),
			rival{"document", floor.get("/one" + one), atLeast(0.6)})
		if err != nil {
			return err
		}
	}
	if !b.wanted("P3") {
		return nil
	}
	ours, theirs := b.console.page("/access-profiles"), floor.get("/page")
	if err := sameSize(ctx, ours, theirs); err != nil {
		return err
	}
	return b.against(ctx, "P3", "profiles page as HTML", ours, rival{"rows in memory", theirs, atLeast(0.7)})
}

// rival starts this same program as one of the servers to compare with.
func (b *bench) rival(ctx context.Context, name, ready string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, b.dir, name, addr, ready, nil, self, append([]string{"-serve", name, "-addr", addr}, args...)...)
	if err == nil {
		b.running = append(b.running, p)
	}
	return p, err
}

// recordOf wraps a profile in PocketBase's record of it, under a new name.
func recordOf(profile func() []byte) func() []byte {
	return func() []byte {
		encoded, err := json.Marshal(map[string]any{
			"name":    fmt.Sprintf("Record %08d", created.Add(1)),
			"profile": json.RawMessage(profile()),
		})
		if err != nil {
			panic(err) // it is JSON already
		}
		return encoded
	}
}

// sameSize makes sure that two servers answer with the same page, give or take a line of the frame.
func sameSize(ctx context.Context, ours, theirs target) error {
	a, _, err := ours.once(ctx)
	if err != nil {
		return err
	}
	b, _, err := theirs.once(ctx)
	if err != nil {
		return err
	}
	if difference := len(a) - len(b); max(difference, -difference) > len(a)/20 {
		return fmt.Errorf("the console's page has %d bytes, the floor's %d: they should be the same", len(a), len(b))
	}
	return nil
}
