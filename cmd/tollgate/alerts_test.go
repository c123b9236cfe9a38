package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// watchedMetrics are the metrics that an operator watches; each is asked for by an alert or a panel.
var watchedMetrics = []string{
	"tollgate_followed_age_seconds", "tollgate_database_rewinds_total", "tollgate_usage_store_seconds_bucket",
	"tollgate_usage_batch_events_count", "tollgate_usage_queue", "tollgate_http_requests_total", "tollgate_grace_active",
	"tollgate_schema_unknown_migrations", "tollgate_table_bytes", "tollgate_oldest_unsealed_seconds", "tollgate_keys_in_memory",
	"tollgate_decision_seconds_bucket", "tollgate_usage_events_total", "tollgate_ledger_skewed_counters",
	"tollgate_ledger_checked_timestamp_seconds", "tollgate_overdue_weeks",
}

// Alert rules and the dashboard ask for series that a console has, by name and labels.
func TestAlertsAndDashboardNameMetrics(t *testing.T) {
	t.Parallel()
	found := scraped(t)
	queries := panelQueries(t)
	for _, rule := range alertRules(t) {
		queries = append(queries, rule["expr"].(string))
	}
	if len(queries) < 20 {
		t.Errorf("only %d queries", len(queries))
	}
	asked := map[string]bool{}
	for _, query := range queries {
		for _, s := range selectors(query) {
			asked[s.name] = true
			if !slices.ContainsFunc(found, s.takes) {
				t.Errorf("no console has the series %s of %s", s.text, query)
			}
		}
	}
	for _, name := range watchedMetrics {
		if !asked[name] {
			t.Errorf("no alert and no panel asks for %s", name)
		}
	}
	for _, wrong := range []string{
		`tollgate_usage_event_total`, `tollgate_usage_events_total{status="kept"}`, `tollgate_decision_seconds_count{type=~"err"}`,
		`tollgate_http_requests_total{method="GET", route="/api/usage", status=~"5.."}`, `tollgate_usage_queue{state="spool"}`,
	} {
		if s := selectors(wrong)[0]; slices.ContainsFunc(found, s.takes) {
			t.Errorf("a console has %s: the test finds nothing", wrong)
		}
	}
}

// Prometheus takes the rules, each fires and is silent as alerts_test.yml says, and operations.md says what to do.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := readDeploy(t, "alerts_test.yml")
	for _, rule := range alertRules(t) {
		name := rule["alert"].(string)
		if !strings.Contains(string(operations), "`"+name+"`") {
			t.Errorf("docs/operations.md does not say what to do about %s", name)
		}
		if !strings.Contains(tests, fmt.Sprintf("alertname=%q", name)) {
			t.Errorf("alerts_test.yml does not say when %s fires", name)
		}
	}
	for _, arguments := range [][]string{{"check", "rules", deploy + "alerts.yml"}, {"test", "rules", deploy + "alerts_test.yml"}} {
		if out, err := promtool(t, arguments...); err != nil {
			t.Errorf("promtool: %v\n%s", err, out)
		}
	}
}

// Prometheus takes what operations.md says about scraping, and the part for Kubernetes in the place of its hosts, but
// for the line that finds pods, which Debian's does not know. The twin has a mistake in it.
func TestScrapeConfigs(t *testing.T) {
	t.Parallel()
	var parts []string
	for _, found := range fenced.FindAllStringSubmatch(readPage(t, "../../docs/operations.md"), -1) {
		if found[1] == "yaml" {
			parts = append(parts, found[2])
		}
	}
	if len(parts) != 2 {
		t.Fatalf("operations.md has %d pieces of YAML", len(parts))
	}
	hosts := parts[0]
	head, _, _ := strings.Cut(hosts, "    static_configs:")
	found, pods, _ := strings.Cut(parts[1], "\n")
	if found != "    kubernetes_sd_configs: [{role: pod}]" {
		t.Errorf("pods are found by %q", found)
	}
	pods = head + pods
	for config, ok := range map[string]bool{hosts: true, pods: true, strings.Replace(pods, "action: keep", "action: take", 1): false} {
		path := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := promtool(t, "check", "config", "--syntax-only", path); (err == nil) != ok {
			t.Errorf("%s\n%v %s", config, err, out)
		}
	}
}

func promtool(t *testing.T, arguments ...string) (said []byte, err error) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatalf("%v: run make test, which unpacks it", err)
	}
	return exec.CommandContext(t.Context(), program, arguments...).CombinedOutput()
}

// The alert of refused usage watches every route by which gateways report usage, and no other.
func TestUsageRefusedWatchesAllRoutes(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(alertRules(t), func(rule map[string]any) bool { return rule["alert"] == "UsageRefused" })
	watches := selectors(alertRules(t)[i]["expr"].(string))[0]
	permissions, err := os.ReadFile("../../web/testdata/permissions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var reports []string
	for line := range strings.Lines(string(permissions)) {
		words := strings.Fields(line)
		paths := []string{words[1]}
		if rest, ok := strings.CutPrefix(words[1], "/api/"); ok {
			paths = append(paths, "/api/governance/"+rest)
		}
		reported := words[0] == "POST" && strings.Join(words[2:], " ") == "Usage:Create"
		for _, path := range paths {
			if got := watches.takes(series{watches.name, map[string]string{"method": words[0], "route": path, "status": "503"}}); got != reported {
				t.Errorf("%s %s is watched: %t", words[0], path, got)
			}
			if reported {
				reports = append(reports, path)
			}
		}
	}
	if len(reports) != 5 {
		t.Errorf("usage is reported by %v", reports)
	}
}

func alertRules(t *testing.T) (rules []map[string]any) {
	t.Helper()
	for _, rule := range at(documents(t, "alerts.yml", readDeploy(t, "alerts.yml"))[0], "groups", 0, "rules").([]any) {
		rules = append(rules, rule.(map[string]any))
	}
	return rules
}

func panelQueries(t *testing.T) (queries []string) {
	t.Helper()
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal([]byte(readDeploy(t, "dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

// series is one of a console.
type series struct {
	name   string
	labels map[string]string
}

// selector is what a query asks for: a name and conditions of labels.
type selector struct {
	text, name string
	conditions []condition
}

type condition struct {
	label string
	fits  func(value string) bool
}

func (s selector) takes(one series) bool {
	return s.name == one.name && !slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.fits(one.labels[c.label]) })
}

var (
	selected = regexp.MustCompile(`\b((?:tollgate|go|process)_[a-z_]+)(?:\{((?:[^"}]|"[^"]*")*)\})?`)
	labelled = regexp.MustCompile(`([a-z_]+)(=~|!=|!~|=)"([^"]*)"`)
)

// selectors are what a query asks for.
func selectors(query string) (all []selector) {
	for _, found := range selected.FindAllStringSubmatch(query, -1) {
		s := selector{text: found[0], name: found[1]}
		for _, one := range labelled.FindAllStringSubmatch(found[2], -1) {
			pattern := one[3]
			if !strings.HasSuffix(one[2], "~") {
				pattern = regexp.QuoteMeta(pattern)
			}
			fits := regexp.MustCompile("^(?:" + pattern + ")$").MatchString
			s.conditions = append(s.conditions, condition{one[1], func(value string) bool { return fits(value) != strings.HasPrefix(one[2], "!") }})
		}
		all = append(all, s)
	}
	return all
}

// scraped are the series of consoles that have done all there is to count, one of them with a spool.
func scraped(t *testing.T) (all []series) {
	t.Helper()
	environment, key, db := given(t)
	environment = append(environment, "TOLLGATE_OIDC_PRIVATE=true")
	c, spools := start(t, environment), start(t, append(environment, "TOLLGATE_SPOOL="+t.TempDir()))
	l := newServiceLoad(t, c, key)
	l.run(300*time.Millisecond, c)
	c.demand(t, http.StatusOK, "POST", l.profile+"/propagate", key, `{"fields": ["budgets"]}`)
	c.demand(t, http.StatusCreated, "POST", "/api/identity-providers", key,
		fmt.Sprintf(`{"slug": "company", "name": "Company", "issuer": %q, "client_id": "console"}`, discoverable(t)))
	for table, code := range map[string]string{"weekly_events": "53100", "api_keys": "P0001"} { // the disk is full, and any other reason
		if _, err := db.Exec(fmt.Sprintf(`CREATE FUNCTION refuse_%[1]s() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '%[2]s'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON %[1]s FOR EACH ROW EXECUTE FUNCTION refuse_%[1]s()`, table, code)); err != nil {
			t.Fatal(err)
		}
	}
	c.demand(t, http.StatusServiceUnavailable, "POST", "/api/usage", key, l.call(fmt.Sprintf(`, "event_id": %q, "cost": 1`, uuid.NewString())))
	c.demand(t, http.StatusInternalServerError, "POST", "/api/api-keys", key, `{"name": "refused", "scopes": ["Usage:View"]}`)
	var found string
	eventually(t, "the ledger was checked and the tables were measured", func() bool {
		_, body := c.get(t, c.address+"/metrics", key)
		found = string(body)
		return strings.Contains(found, "tollgate_ledger_checked_timestamp_seconds ") && strings.Contains(found, `tollgate_table_bytes{table="weekly_events"}`)
	})
	_, more := spools.get(t, spools.address+"/metrics", key)
	for line := range strings.Lines(found + string(more)) {
		if parts := regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `).FindStringSubmatch(line); parts != nil {
			one := series{parts[1], map[string]string{}}
			for _, l := range labelled.FindAllStringSubmatch(parts[2], -1) {
				one.labels[l[1]] = l[3]
			}
			all = append(all, one)
		}
	}
	return all
}

// discoverable is the issuer of an identity provider that can be read, and does nothing else.
func discoverable(t *testing.T) string {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{
			"issuer": server.URL, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token",
			"jwks_uri": server.URL + "/keys",
		})
	}))
	t.Cleanup(server.Close)
	return server.URL
}
