package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// measureLarge compares a console with very many profiles with the small one. Both share the database server; one
// client asks at a time.
func (b *bench) measureLarge(ctx context.Context) error {
	large, err := b.startLarge(ctx)
	if err != nil {
		return err
	}
	many := fmt.Sprintf("%d profiles", b.large)
	for _, c := range []struct {
		what       string
		ours, than target
		beside     string
		most       float64
	}{
		{
			"page 1 of " + many + " as JSON", large.api(http.MethodGet, "/api/access-profiles", http.StatusOK),
			b.console.api(http.MethodGet, "/api/access-profiles", http.StatusOK), "of 100", 1.5,
		},
		{"page 1 of " + many + " as HTML", large.page("/access-profiles"), b.console.page("/access-profiles"), "of 100", 1.5},
		{
			"search " + many + " for a rare word, JSON",
			large.api(http.MethodGet, "/api/access-profiles?search="+rareWord, http.StatusOK),
			large.api(http.MethodGet, "/api/access-profiles", http.StatusOK), "page 1", 5,
		},
		{
			"search " + many + " for a rare word, HTML", large.page("/access-profiles?search=" + rareWord),
			large.page("/access-profiles"), "page 1", 5,
		},
	} {
		c.ours.workers, c.than.workers = 1, 1
		results, err := b.rounds(ctx, []target{c.ours, c.than})
		if err != nil {
			return err
		}
		var ratios []float64
		for round := range results[0] {
			ratios = append(ratios, float64(results[0][round].p50)/float64(results[1][round].p50))
		}
		limit, ratio := atMost(c.most), median(ratios)
		b.add(line{
			id: "P10", what: c.what, ours: brief(middle(results[0]).p50), other: c.beside + " " + brief(middle(results[1]).p50),
			ratio: fmt.Sprintf("%.2f", ratio), bar: limit.String(), verdict: limit.verdict(ratio),
		})
	}
	return nil
}

// startLarge starts a second console and fills it.
func (b *bench) startLarge(ctx context.Context) (*console, error) {
	large, owner, err := b.beside(ctx, "large")
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := (&filled{url: owner, document: b.sample}).to(ctx, b.large); err != nil {
		return nil, err
	}
	fmt.Fprintf(b.out, "Filled the large console with %d profiles in %s.\n", b.large, brief(time.Since(begin)))
	return large, nil
}

// beside starts another console on a database of its own in the first one's server. The owner is the address of that
// database for filling it.
func (b *bench) beside(ctx context.Context, name string) (other *console, owner string, err error) {
	database := "tollgate_" + name
	db, err := pgx.Connect(ctx, b.socket.URL(ownerRole))
	if err != nil {
		return nil, "", err
	}
	_, err = db.Exec(ctx, "CREATE DATABASE "+database)
	db.Close(ctx)
	if err != nil {
		return nil, "", err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	owner = inDatabase(b.socket.URL(ownerRole), database)
	other = &console{environment: append(slices.Clone(b.console.environment), "TOLLGATE_DATA_DIR=", "TOLLGATE_ADDR="+addr,
		"DATABASE_URL="+inDatabase(b.socket.URL(servingRole), database), "TOLLGATE_MIGRATE_URL="+owner)}
	if other.process, err = start(ctx, b.dir, name, addr, "/readyz", other.environment, b.options.console,
		"serve"); err != nil {
		return nil, "", err
	}
	b.running = append(b.running, other.process)
	return other, owner, other.open(ctx, b.options.console)
}

func inDatabase(address, name string) string {
	parts, err := url.Parse(address)
	if err != nil {
		panic(err) // the console's own address
	}
	parts.Path = "/" + name
	return parts.String()
}

var statements = regexp.MustCompile(`Benchmark(\S+?)(?:-\d+)?\s.*?([\d.]+) statements/op`)

// countStatements takes from Go's benchmarks how many statements a save and a list take.
func (b *bench) countStatements(ctx context.Context) error {
	command := exec.CommandContext(ctx, "go", "test", "-tags=nomsgpack", "-run=^$", "-bench=Statements", "-benchtime=5x",
		"./models/profile")
	command.Dir = b.source
	printed, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("count statements: %w\n%s", err, printed)
	}
	for _, found := range statements.FindAllStringSubmatch(string(printed), -1) {
		n, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			return err
		}
		limit := atMost(12)
		if found[1] == "StatementsOfList" {
			limit = atMost(8)
		}
		b.add(line{
			id: "P4", what: "statements: " + found[1], ours: fmt.Sprintf("%.0f", n), bar: limit.String(),
			verdict: limit.verdict(n),
		})
	}
	return nil
}
