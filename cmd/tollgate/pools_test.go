package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Decisions and the counting of usage have connections of their own: a dozen pages and reports that wait for the
// database keep none of them waiting, also not one for a key that has to be read first, nor take the console out of a balancer.
func TestDecisionsGoOnWhilePagesWait(t *testing.T) {
	t.Parallel()
	dir := migratedFolder(t)
	c := start(t, inFolder(dir))
	key := strings.TrimSpace(must(t, inFolder(dir), "", "api-key", "create", "--name", "test"))
	db := privateDatabase(t, dir)
	c.demand(t, http.StatusCreated, "POST", "/api/providers", key, `{"name": "openai", "models": ["gpt-4o"]}`)
	made := c.demand(t, http.StatusCreated, "POST", "/api/access-profiles", key,
		`{"name": "Busy", "provider_configs": [{"provider_name": "openai", "all_models_allowed": true}]}`)["access_profile"].(map[string]any)
	viewer := number(t, db, "SELECT id FROM roles WHERE name = 'Viewer'")
	var users []string
	for n := range 4 {
		user := c.demand(t, http.StatusCreated, "POST", "/api/users", key,
			fmt.Sprintf(`{"name": "Busy", "email": "busy%d@example.com", "role_id": %d}`, n, viewer))["user"].(map[string]any)["id"].(string)
		c.demand(t, http.StatusCreated, "POST", "/api/users/"+user+"/access-profiles", key, fmt.Sprintf(`{"access_profile_id": %v}`, made["id"]))
		users = append(users, user)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("LOCK TABLE virtual_keys, usage_days IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	const pages = 12
	for n := range pages {
		path := []string{"/api/virtual-keys", "/api/usage"}[n%2]
		go func() {
			for t.Context().Err() == nil {
				_, _, _ = c.try(t, "GET", c.address+path, key, "")
			}
		}()
	}
	eventually(t, "pages that wait", func() bool {
		var waiting int
		err := db.NewRaw("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'tollgate'").Scan(t.Context(), &waiting)
		return err == nil && waiting >= pageConnections
	})
	eventually(t, "balancers are told within a second", func() bool {
		asked := time.Now()
		status, said := c.readiness(t)
		return status == http.StatusOK && said == "ready" && time.Since(asked) <= time.Second
	})
	var slow []time.Duration
	for _, user := range users {
		asked := time.Now()
		question := fmt.Sprintf(`{"user_id": %q, "provider": "openai", "model": "gpt-4o"}`, user)
		status, answer, err := c.try(t, "POST", c.address+"/api/decisions", key, question)
		if err != nil || status != http.StatusServiceUnavailable && !strings.Contains(string(answer), `"decision":true`) {
			t.Errorf("%d %s %v", status, answer, err)
		}
		if took := time.Since(asked); took > time.Second || status != http.StatusOK {
			slow = append(slow, took)
		}
	}
	if len(slow) > 1 { // a busy machine may stand still once
		t.Errorf("decisions took %v", slow)
	}
}
