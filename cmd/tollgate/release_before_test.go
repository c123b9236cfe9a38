package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/secret"
)

// releaseBefore is the commit of the release before this one. It moves with each release.
const releaseBefore = "e84c162ce49ddec1770e7dfe2de4c866e3184e38"

// buildRelease builds the program of a commit.
func buildRelease(t *testing.T, commit string) string {
	t.Helper()
	if output, err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").CombinedOutput(); err != nil {
		if shallow, err := exec.Command("git", "rev-parse", "--is-shallow-repository").Output(); err == nil && string(shallow) == "false\n" {
			t.Fatalf("the release before, commit %s, does not exist: %s", commit, output)
		}
		t.Skipf("NOT RUN: this copy has no history, so that the release before, commit %s, cannot be built: %s", commit, output)
	}
	dir := t.TempDir()
	unpack := exec.Command("sh", "-c", `git -C "$(git rev-parse --show-toplevel)" archive "$1" | tar -x -C "$2"`, "sh", commit, dir)
	if output, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpack the release before: %v\n%s", err, output)
	}
	// Assets are fetched, not committed.
	if err := os.CopyFS(filepath.Join(dir, "fetched"), os.DirFS("../../static/vendor")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "static/vendor")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "fetched"), filepath.Join(dir, "static/vendor")); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "release-before")
	build := exec.Command("go", "build", "-tags=nomsgpack", "-buildvcs=false", "-trimpath", "-ldflags=-X main.version=v0.0.0-before", "-o", program, "./cmd/tollgate")
	build.Dir = dir
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the release before: %v\n%s", err, output)
	}
	return program
}

// TestReleaseBeforeRunsBeside has the release before and this one serve one database under load, through the migration:
// nothing fails but what asks to retry, and each event counts once. Then comes what no release may do, a function gone
// under a console that calls it, and the release before fails: the test can see it.
func TestReleaseBeforeRunsBeside(t *testing.T) {
	t.Parallel()
	program := buildRelease(t, releaseBefore)
	serving, owner := emptyDatabase(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	printed, err := commandOf(t.Context(), program, environment, "api-key", "create", "--name", "load").Output()
	if err != nil {
		t.Fatal(err)
	}
	before := startOf(t, program, environment)
	l := newServiceLoad(t, before, strings.TrimSpace(string(printed)))
	l.run(2*time.Second, before)
	now := start(t, environment) // migrates
	l.run(time.Duration(rounds(10)+4)*time.Second, before, now)
	before.probed(t, http.StatusOK, "ready")
	l.fitsIn(t)
	if l.failed(t) {
		t.Errorf("the release before logs:\n%s\nthis one:\n%s", before.log.complaints(), now.log.complaints())
	}
	db := opened(t, owner)
	if stored := number(t, db, "SELECT count(*) FROM counted_events"); stored != l.counted.Load() {
		t.Errorf("%d events are stored, %d were acknowledged", stored, l.counted.Load())
	}
	l.crosses(t, before, now)
	if _, metrics := now.get(t, now.address+"/metrics", l.key); !strings.Contains(string(metrics), "\ntollgate_database_rewinds_total 0\n") {
		t.Error("usage of the release before is taken for a database that went back")
	}
	must(t, environment, "", "ledger", "verify", "--full")
	must(t, environment, "", "audit", "verify")

	// Who goes back starts the release before again.
	if code := before.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("the release before ends with %d", code)
	}
	before = startOf(t, program, environment)
	l.run(time.Second, before)
	if l.failed(t) {
		t.Errorf("the release before, started again, logs:\n%s", before.log.complaints())
	}

	if _, err := db.Exec("DROP FUNCTION reserve_named"); err != nil {
		t.Fatal(err)
	}
	l.run(time.Second, before)
	if wrong := l.wrong(); len(wrong) == 0 || !strings.Contains(wrong[0], " 500 POST /api/decisions") {
		t.Errorf("a function that is gone changes nothing: the test finds nothing: %q", wrong)
	}
	l.clear()
	l.run(time.Second, now)
	l.failed(t)
}

// crosses reports to each of two releases what the other has stored: it is a duplicate, and what the release before
// stored can be made exact and be taken back at both.
func (l *serviceLoad) crosses(t *testing.T, before, now *instance) {
	t.Helper()
	for _, pair := range [][2]*instance{{before, now}, {now, before}, {before, before}} {
		event := l.call(fmt.Sprintf(`, "event_id": %q, "cost": 0.5, "tokens": 10`, uuid.NewString()))
		for i, c := range pair {
			want := fmt.Sprintf(`"duplicate":%t`, i > 0)
			if status, said := l.ask(c, "POST", "/api/usage", event); status != http.StatusOK || !strings.Contains(said, want) {
				t.Errorf("%s: %d %s, want %s", event, status, said, want)
			}
		}
	}
	id := uuid.NewString()
	for _, step := range []struct {
		c          *instance
		path, body string
	}{
		{before, "/api/usage", l.call(fmt.Sprintf(`, "event_id": %q, "cost": 2, "estimated": true`, id))},
		{now, "/api/usage", l.call(fmt.Sprintf(`, "event_id": %q, "cost": 3, "tokens": 7`, id))},
		{before, "/api/usage/adjustments", fmt.Sprintf(`{"event_id": %q, "amount": -1, "reason": "before"}`, id)},
		{now, "/api/usage/adjustments", fmt.Sprintf(`{"event_id": %q, "amount": -1.5, "reason": "now"}`, id)},
	} {
		if status, said := l.ask(step.c, "POST", step.path, step.body); status/100 != 2 {
			t.Errorf("%s %s: %d %s", step.path, step.body, status, said)
		}
	}
	for _, c := range []*instance{before, now} {
		body := fmt.Sprintf(`{"event_id": %q, "amount": -0.75, "reason": "too much"}`, id)
		if status, said := l.ask(c, "POST", "/api/usage/adjustments", body); status != http.StatusConflict {
			t.Errorf("more than is left of an event: %d %s", status, said)
		}
	}
	l.clear()
}

// serviceLoad is what gateways and admins do all day.
type serviceLoad struct {
	key, profile, user string
	counted, n         atomic.Int64
	putOff             bool // some requests were, in a load that was repeated

	mutex sync.Mutex
	seen  map[string]int
}

func newServiceLoad(t *testing.T, c *instance, key string) *serviceLoad {
	l := &serviceLoad{key: key, seen: map[string]int{}}
	c.demand(t, http.StatusCreated, "POST", "/api/providers", key, `{"name": "openai", "models": ["gpt-4o"]}`)
	l.profile = createProfile(t, c, key, "Load")
	c.demand(t, http.StatusOK, "PUT", l.profile, key, `{"provider_configs": [{"provider_name": "openai", "all_models_allowed": true,
"budgets": [{"max_limit": 1000000, "reset_duration": "1d"}]}], "rate_limit": {"request_max_limit": 100000000, "request_reset_duration": "1h"}}`)
	l.user = l.addUser(t, c, "load@example.com")
	return l
}

// addUser makes a user with the profile of the load.
func (l *serviceLoad) addUser(t *testing.T, c *instance, email string) (id string) {
	t.Helper()
	roles := c.demand(t, http.StatusOK, "GET", "/api/roles", l.key, "")["roles"].([]any)
	role := roles[len(roles)-1].(map[string]any)["id"]
	id = c.demand(t, http.StatusCreated, "POST", "/api/users", l.key,
		fmt.Sprintf(`{"name": "Load", "email": %q, "role_id": %v}`, email, role))["user"].(map[string]any)["id"].(string)
	c.demand(t, http.StatusCreated, "POST", "/api/users/"+id+"/access-profiles", l.key, fmt.Sprintf(`{"access_profile_id": %s}`, filepath.Base(l.profile)))
	return id
}

// run asks consoles in turn for a time, each kind of request one after the other.
func (l *serviceLoad) run(long time.Duration, consoles ...*instance) {
	end := time.Now().Add(long)
	var workers sync.WaitGroup
	for _, kind := range []func(c *instance){
		l.report, l.report, l.decide, l.decide, l.reserve, l.edit, l.keys, l.read,
	} {
		workers.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				kind(consoles[i%len(consoles)])
			}
		})
	}
	workers.Wait()
}

func (l *serviceLoad) ask(c *instance, method, path, body string) (status int, answer string) {
	request, err := http.NewRequest(method, c.address+path, strings.NewReader(body))
	if err != nil {
		panic(err) // all of them are constants
	}
	request.Header.Set("Authorization", "Bearer "+l.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		l.note(method, path, 0, `"error":`+err.Error())
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		content = []byte(err.Error())
	}
	l.note(method, path, response.StatusCode, string(content))
	return response.StatusCode, string(content)
}

func (l *serviceLoad) note(method, path string, status int, answer string) {
	text := fmt.Sprintf("%d %s %s", status, method, strings.ReplaceAll(path, l.user, "USER"))
	if status == 0 || status >= http.StatusBadRequest {
		_, why, _ := strings.Cut(answer, `"error":`)
		text += fmt.Sprintf(" %.200s", why)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.seen[text]++
}

func (l *serviceLoad) call(more string) string {
	return fmt.Sprintf(`{"user_id": %q, "provider": "openai", "model": "gpt-4o"%s}`, l.user, more)
}

func (l *serviceLoad) report(c *instance) {
	body := l.call(fmt.Sprintf(`, "event_id": %q, "cost": 0.001, "tokens": 10`, uuid.NewString()))
	if status, _ := l.ask(c, "POST", "/api/usage", body); status == http.StatusOK {
		l.counted.Add(1)
	}
}

func (l *serviceLoad) decide(c *instance) { l.ask(c, "POST", "/api/decisions", l.call("")) }

func (l *serviceLoad) reserve(c *instance) {
	l.ask(c, "POST", "/api/decisions", l.call(`, "reserve": true, "estimated_cost": 0.01`))
}

func (l *serviceLoad) edit(c *instance) {
	l.ask(c, "PUT", l.profile, fmt.Sprintf(`{"description": "edit %d"}`, l.n.Add(1)))
}

func (l *serviceLoad) keys(c *instance) {
	l.ask(c, "POST", "/api/api-keys", fmt.Sprintf(`{"name": "load %d", "scopes": ["Usage:View"]}`, l.n.Add(1)))
}

func (l *serviceLoad) read(c *instance) {
	for _, path := range []string{"/api/usage", "/api/access-profiles", "/api/users/" + l.user + "/access-profiles", "/api/access-profiles/audit-logs", l.profile} {
		l.ask(c, "GET", path, "")
	}
}

// wrong are the answers that nothing excuses, and those with further statuses.
func (l *serviceLoad) wrong(further ...string) (texts []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, text := range slices.Sorted(maps.Keys(l.seen)) {
		status, _, _ := strings.Cut(text, " ")
		if status[0] != '2' && status != "503" || slices.Contains(further, status) {
			texts = append(texts, fmt.Sprintf("%d times %s", l.seen[text], text))
		}
	}
	return texts
}

func (l *serviceLoad) failed(t *testing.T, further ...string) bool {
	t.Helper()
	wrong := l.wrong(further...)
	for _, text := range wrong {
		t.Error(text)
	}
	return len(wrong) > 0
}

func (l *serviceLoad) clear() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	clear(l.seen)
}

// fitsIn tells what was asked, and fails the test when some kind never succeeded.
func (l *serviceLoad) fitsIn(t *testing.T) {
	t.Helper()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	asked := 0
	for _, times := range l.seen {
		asked += times
	}
	t.Logf("%d requests, %d events", asked, l.counted.Load())
	for _, kind := range []string{"POST /api/usage", "POST /api/decisions", "PUT " + l.profile, "GET /api/access-profiles/audit-logs"} {
		if l.seen["200 "+kind] == 0 {
			t.Errorf("%s never succeeded: %v", kind, l.seen)
		}
	}
}
