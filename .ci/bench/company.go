package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed company.sql
var companyFill string

//go:embed company_people.sql
var morePeople string

//go:embed company_totals.sql
var companyTotals string

// companySize is the size of the bars.
const companySize = `CREATE TEMP TABLE size AS SELECT 5000 AS users, 50000 AS keys, 200 AS profiles, 366 AS days,
    2000000 AS rows, 200000 AS events, 300000 AS refusals, 100000 AS changes;`

// wholeSize is that of a year of 27,400 sums a day, with the events of two days of 2.5 million.
const wholeSize = `CREATE TEMP TABLE size AS SELECT 5000 AS users, 50000 AS keys, 200 AS profiles, 366 AS days,
    10000000 AS rows, 5000000 AS events, 300000 AS refusals, 300000 AS changes;`

// measureCompany reads every page and list of a large company, searches it, and reads its usage page once more with the
// usage of very many people.
func (b *bench) measureCompany(ctx context.Context) error {
	company, owner, err := b.beside(ctx, "company")
	if err != nil {
		return err
	}
	size := companySize
	if b.whole {
		size = wholeSize
	}
	if err := b.fillCompany(ctx, owner, size+companyFill); err != nil {
		return fmt.Errorf("fill the company: %w", err)
	}
	paths, err := b.companyPaths(ctx, owner)
	if err != nil {
		return err
	}
	if err := b.readAll(ctx, company, append(paths, deepPaths(time.Now().UTC())...)); err != nil {
		return err
	}
	if err := b.export(ctx, company); err != nil {
		return err
	}
	for _, search := range []string{"ada", "user4321", "gpt-5"} {
		if err := b.within(ctx, "P14", "find "+search, company.page("/find?q="+search), 50*time.Millisecond); err != nil {
			return err
		}
	}
	if err := b.fillCompany(ctx, owner, morePeople); err != nil {
		return fmt.Errorf("give many people usage: %w", err)
	}
	since := "/usage?since=" + time.Now().UTC().AddDate(0, 0, 1-usageDays).Format(time.DateOnly)
	for _, by := range []string{"user", "model", "profile"} {
		what := fmt.Sprintf("usage page of %d days by %s, 100,000 people", usageDays, by)
		if err := b.within(ctx, "P11", what, company.page(since+"&group_by="+by), 300*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) fillCompany(ctx context.Context, owner, statements string) error {
	db, err := pgx.Connect(ctx, owner)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	begin := time.Now()
	if _, err := db.Exec(ctx, statements+companyTotals); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return err
	}
	var rows, people, users, keys int64
	err = db.QueryRow(ctx, `SELECT (SELECT count(*) FROM usage_days), (SELECT count(DISTINCT user_id) FROM usage_months),
(SELECT count(*) FROM users), (SELECT count(*) FROM virtual_keys)`).Scan(&rows, &people, &users, &keys)
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(b.out, "The company has %d users, %d keys, %d sums of usage of %d people; filled in %s, load average %.14s.\n",
		users, keys, rows, people, brief(time.Since(begin)), load)
	return err
}

// within records how long a page takes for one client.
func (b *bench) within(ctx context.Context, id, what string, t target, most time.Duration) error {
	t.workers = 1
	if _, _, err := t.once(ctx); err != nil {
		return err
	}
	r, err := t.load(ctx, b.slice)
	if err != nil {
		return err
	}
	b.add(line{
		id: id, what: what, ours: "p95 " + brief(r.p95), other: "p50 " + brief(r.p50), bar: "≤ " + most.String(),
		verdict: atMost(most.Seconds()).verdict(r.p95.Seconds()),
	})
	return nil
}

// companyPaths are the paths of the table of routes that are read, with ids that are there.
func (b *bench) companyPaths(ctx context.Context, owner string) ([]string, error) {
	db, err := pgx.Connect(ctx, owner)
	if err != nil {
		return nil, err
	}
	defer db.Close(ctx)
	var user, held, profile, budget, key, group, server string
	err = db.QueryRow(ctx, `SELECT c.user_id, c.id::text, c.access_profile_id::text, (SELECT id::text FROM limit_lines AS l
    WHERE l.policy_id = c.policy_id AND kind = 'spend' LIMIT 1), (SELECT id FROM virtual_keys AS k WHERE k.user_id = c.user_id
    LIMIT 1), (SELECT min(id)::text FROM tool_groups), (SELECT min(client_id) FROM mcp_servers)
FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id) WHERE c.id > 200000000 AND b.kind = 'spend'
ORDER BY c.id LIMIT 1`).Scan(&user, &held, &profile, &budget, &key, &group, &server)
	if err != nil {
		return nil, err
	}
	ids := strings.NewReplacer("/users/:id", "/users/"+user, ":copy_id", held, ":budget_id", budget, ":vk_id", key,
		"/access-profiles/:id", "/access-profiles/"+profile, ":version", "1", "/roles/:id", "/roles/1001",
		"/mcp/tool-groups/:id", "/mcp/tool-groups/"+group, ":client_id", server, ":name", "openai")
	routes, err := os.ReadFile(filepath.Join(b.source, "web/testdata/permissions.txt"))
	if err != nil {
		return nil, err
	}
	var paths []string
	for route := range strings.Lines(string(routes)) {
		words := strings.Fields(route)
		path := ids.Replace(words[1])
		if words[0] == http.MethodGet && !strings.Contains(path, ":") && !strings.HasSuffix(path, "/export") {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// deepPaths are lists far from their first page, searches that find nothing, and reports of long times.
func deepPaths(now time.Time) []string {
	year := "/usage?since=" + now.AddDate(0, 0, -362).Format(time.DateOnly)
	return []string{
		year, year + "&group_by=user", year + "&group_by=model", year + "&group_by=profile", "/api" + year,
		"/usage?group_by=user&offset=4900", "/virtual-keys?search=zzzz", "/virtual-keys?offset=49900", "/api/virtual-keys?offset=49900",
		"/users?search=zzzz", "/users?offset=4900", "/api/users?offset=4900", "/audit?offset=9900",
	}
}

// export records how long the largest export takes.
func (b *bench) export(ctx context.Context, company *console) error {
	begin := time.Now()
	rows, _, err := company.page("/usage/export?format=focus").once(ctx)
	if err != nil {
		return err
	}
	b.add(line{
		id: "P12", what: "FOCUS export of 30 days", ours: brief(time.Since(begin)),
		other: fmt.Sprintf("%d rows", bytes.Count(rows, []byte("\n"))-1),
	})
	return nil
}

// read reads a page or list once, and then for a time.
func (b *bench) read(ctx context.Context, t target) (result, error) {
	if _, _, err := t.once(ctx); err != nil {
		return result{}, err
	}
	return t.load(ctx, b.slice/4)
}

// readAll records the slowest pages and lists, those with the most statements, and those that fail.
func (b *bench) readAll(ctx context.Context, company *console, paths []string) error {
	type read struct {
		path       string
		p95        time.Duration
		statements int
	}
	var all []read
	request := func(c *console, path string) target {
		t := c.page(path)
		if strings.HasPrefix(path, "/api/") {
			t = c.api(http.MethodGet, path, http.StatusOK)
		}
		t.workers = 1
		return t
	}
	talking, err := b.talking(ctx, company)
	if err != nil {
		return err
	}
	var elsewhere []string
	for _, path := range paths {
		t := request(company, path)
		r, err := b.read(ctx, t)
		var other answered
		if errors.As(err, &other) {
			if other.status < http.StatusInternalServerError {
				elsewhere = append(elsewhere, path)
				continue
			}
			b.add(line{id: "P12", what: path, ours: fmt.Sprint("status ", other.status), bar: "200", verdict: "over"})
			continue
		}
		if err != nil {
			return err
		}
		asked, err := talking.asked(ctx, request(talking.console, path))
		if err != nil {
			return err
		}
		all = append(all, read{path, r.p95, len(asked)})
	}
	if err := talking.stop(); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "P12 reads %d pages and lists; %d others lead elsewhere or have nothing to show: %s\n",
		len(all), len(elsewhere), strings.Join(elsewhere, " "))
	slices.SortFunc(all, func(a, b read) int { return int(b.p95 - a.p95) })
	for i, r := range all[:min(8, len(all))] {
		b.add(line{
			id: "P12", what: fmt.Sprintf("slowest of %d pages and lists, %d: %s", len(all), i+1, r.path), ours: "p95 " + brief(r.p95),
			bar: "≤ 150ms", verdict: atMost(0.15).verdict(r.p95.Seconds()),
		})
	}
	slices.SortFunc(all, func(a, b read) int { return b.statements - a.statements })
	for _, r := range all[:min(3, len(all))] {
		b.add(line{
			id: "P12", what: "most statements: " + r.path, ours: fmt.Sprint(r.statements), bar: "≤ 8",
			verdict: atMost(longStatements).verdict(float64(r.statements)),
		})
	}
	return nil
}
