package web_test

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/modelstest"
	"tollgate/web/webtest"
)

// asked are the queries of a console's requests, transaction control apart.
type asked struct{ queries []string }

func (a *asked) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (a *asked) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	switch event.Operation() {
	case "BEGIN", "COMMIT", "ROLLBACK":
	default:
		a.queries = append(a.queries, event.Query)
	}
}

// Plans are compared in a company that is large enough for that, and takes long to fill: in make soak.
const (
	mostQueries   = 8
	largeCompany  = "CREATE TEMP TABLE size AS SELECT 3000 AS users, 12000 AS keys, 60 AS profiles, 100 AS days, 100000 AS rows, 10000 AS events, 20000 AS refusals, 10000 AS changes;"
	smallCompany  = "CREATE TEMP TABLE size AS SELECT 150 AS users, 600 AS keys, 60 AS profiles, 100 AS days, 5000 AS rows, 500 AS events, 1000 AS refusals, 500 AS changes;"
	viewedProfile = 4
)

// moreQueries are the pages that need more queries, and why.
var moreQueries = map[string]int{
	"/api/config": 16, "/api/config/drift": 16, "/settings/configuration": 16, // whole resources of every kind
	"/me": 11, // lists and forms of the user's own: copies, counters, refusals, profiles that would grant them, keys, requests
}

const bigTables = `(usage_days|usage_people|usage_totals|usage_events|weekly_events\w*|virtual_keys|refusals|audit_logs)\b`

// Tables that grow with calls and changes are not read from end to end. No join looks up thousands of users or keys for
// rows that a limit then leaves out, and no index leads to thousands of rows that are not asked for. Only the current
// window of each budget is looked up, to find those that are nearly used up.
var (
	wholeTable = regexp.MustCompile("Seq Scan on (limit_windows|" + bigTables[1:])
	manyRows   = regexp.MustCompile("on (users|" + bigTables[1:] + ` .* loops=\d{4,}\)|Rows Removed by Index Recheck: \d{4,}`)
)

// company fills a console's database as the benchmark of large companies does, in a smaller size.
func company(t *testing.T, g webtest.Gateway) {
	t.Helper()
	fill, err := os.ReadFile("../.ci/bench/company.sql")
	g.Must(err)
	totals, err := os.ReadFile("../.ci/bench/company_totals.sql")
	g.Must(err)
	owner, size := g.Owner(), smallCompany
	if modelstest.Soaks() {
		size = largeCompany
	}
	for _, statements := range []string{size + string(fill) + string(totals), "VACUUM ANALYZE"} {
		conn, err := owner.Conn(t.Context())
		g.Must(err)
		_, err = conn.ExecContext(t.Context(), statements)
		g.Must(err)
		g.Must(conn.Close())
	}
}

// sizedPaths are the pages and lists of the table of routes, with ids that are there, and some of their filters.
func sizedPaths(t *testing.T, g webtest.Gateway) map[string]string {
	t.Helper()
	routes, err := os.ReadFile("testdata/permissions.txt")
	g.Must(err)
	var key, budget string
	g.Scan(&key, "SELECT id FROM virtual_keys WHERE user_id = ?", g.Ada)
	g.Scan(&budget, "SELECT l.id FROM limit_lines AS l JOIN user_access_profiles AS c USING (policy_id) WHERE c.user_id = ? AND l.kind = 'spend' LIMIT 1", g.Ada)
	held := strconv.Itoa(int(g.Held["id"].(float64)))
	ids := strings.NewReplacer("/users/:id", "/users/"+g.Ada, ":copy_id", held, ":budget_id", budget, ":vk_id", key,
		"/access-profiles/:id", "/access-profiles/"+strconv.Itoa(viewedProfile), ":version", "1", ":role_id", "3",
		"/roles/:id", "/roles/1001", "/mcp/tool-groups/:id", "/mcp/tool-groups/1", ":client_id", "github", ":name", "openai")
	paths := map[string]string{}
	for line := range strings.Lines(string(routes)) {
		method, rest, _ := strings.Cut(line, " ")
		route, _, _ := strings.Cut(rest, " ")
		path := ids.Replace(route)
		if method == http.MethodGet && !strings.Contains(path, ":") && !strings.HasPrefix(path, "/authz/") && !strings.HasSuffix(path, "/export") {
			paths[route] = path
		}
	}
	quarter := "/usage?since=" + time.Now().UTC().AddDate(0, 0, -89).Format(time.DateOnly)
	for _, path := range []string{
		quarter, quarter + "&group_by=model", quarter + "&group_by=profile", quarter + "&group_by=provider", quarter + "&group_by=day",
		"/usage?sort=name", "/usage?offset=1000", "/usage?user_id=" + g.Ada, "/users?blocked=true", "/users?sort=-spend",
		"/users?offset=2475", "/virtual-keys?search=zq77", "/virtual-keys?offset=2475",
		"/audit?user_id=" + g.Ada, "/refusals?user_id=" + g.Ada, "/refusals?access_profile_id=" + strconv.Itoa(viewedProfile), "/find?q=ada",
	} {
		paths[path] = path
	}
	return paths
}

// Every page and list takes few queries, and none of them reads much more than it shows.
func TestPagesOfALargeCompany(t *testing.T) {
	t.Parallel()
	g := webtest.NewGateway(t)
	company(t, g)
	paths, hook := sizedPaths(t, g), &asked{}
	planner, err := g.Owner().Conn(t.Context())
	g.Must(err)
	defer planner.Close()
	_, err = planner.ExecContext(t.Context(), "SET jit = off") // as for reports
	g.Must(err)
	g.H.DB = g.H.DB.WithQueryHook(hook)
	if len(paths) < 120 {
		t.Fatalf("only %d paths", len(paths))
	}
	explained := map[string]bool{}
	for route, path := range paths {
		client := g.Session
		if strings.HasPrefix(path, "/api/") {
			client = g.Admin
		}
		client.Get(path) // what is read once
		hook.queries = nil
		if answer := client.Get(path); answer.StatusCode >= 500 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
		most := max(mostQueries, moreQueries[route])
		if len(hook.queries) > most {
			t.Errorf("%s takes %d queries, at most %d:\n%s", path, len(hook.queries), most, strings.Join(hook.queries, "\n"))
		}
		for _, query := range hook.queries {
			if !explained[query] && readsOnly(query) {
				explained[query] = true
				if modelstest.Soaks() {
					explain(t, planner, path, query)
				}
			}
		}
	}
	if len(explained) < 100 {
		t.Errorf("only %d queries were explained", len(explained))
	}
}

// readsOnly reports a query that can be explained: one that changes nothing and has its values in it.
func readsOnly(query string) bool {
	text := strings.TrimSpace(query)
	return (strings.HasPrefix(text, "SELECT") || strings.HasPrefix(text, "WITH") || strings.HasPrefix(text, "(SELECT")) &&
		!strings.Contains(text, "$1") && !strings.Contains(text, "FOR UPDATE")
}

// explain fails the test when a query reads a big table from end to end, or many rows for few.
func explain(t *testing.T, planner bun.Conn, path, query string) {
	t.Helper()
	var plan []string
	err := planner.NewRaw("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) "+strings.ReplaceAll(query, "?", "\\?")).
		Scan(t.Context(), &plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range plan {
		if wholeTable.MatchString(line) || manyRows.MatchString(line) {
			t.Errorf("%s reads too much: %s\n%s", path, strings.TrimSpace(line), query)
		}
	}
}
