package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"tollgate/models/modelstest"
)

// rounds is how often something is repeated: once for a quick look, often with make soak.
func rounds(often int) int {
	if modelstest.Soaks() {
		return often
	}
	return 1
}

func TestKilledConsoleLosesNothing(t *testing.T) {
	t.Parallel()
	dir := migratedFolder(t)
	key := strings.TrimSpace(must(t, inFolder(dir), "", "api-key", "create", "--name", "test"))
	for round := range rounds(30) {
		c := start(t, inFolder(dir))
		kept := createProfile(t, c, key, fmt.Sprintf("Round %d", round))
		c.signal(t, syscall.SIGKILL)

		c = start(t, inFolder(dir))
		if status, profile := c.get(t, c.address+kept, key); status != http.StatusOK {
			t.Fatalf("round %d: the profile is gone: %d %s", round, status, profile)
		}
		if code := c.signal(t, syscall.SIGTERM); code != exitOK {
			t.Fatalf("round %d: exit code %d", round, code)
		}
	}
	if left := serverProcesses(t, dir); left != nil {
		t.Errorf("left running: %v", left)
	}
}

func TestKilledServerEndsTheConsole(t *testing.T) {
	t.Parallel()
	dir := migratedFolder(t)
	key := strings.TrimSpace(must(t, inFolder(dir), "", "api-key", "create", "--name", "test"))
	for round := range rounds(30) {
		c := start(t, inFolder(dir))
		kept := createProfile(t, c, key, fmt.Sprintf("Round %d", round))
		if err := syscall.Kill(postmaster(t, dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if code := c.end(t, patience); code != exitFailure || !strings.Contains(c.log.String(), "database server ended") {
			t.Fatalf("round %d: exit code %d:\n%s", round, code, c.log)
		}
		c = start(t, inFolder(dir))
		if status, profile := c.get(t, c.address+kept, key); status != http.StatusOK {
			t.Fatalf("round %d: the profile is gone: %d %s", round, status, profile)
		}
		c.signal(t, syscall.SIGTERM)
	}
	if left := serverProcesses(t, dir); left != nil {
		t.Errorf("left running: %v", left)
	}
}

// createProfile returns the path of a profile that the console has confirmed.
func createProfile(t *testing.T, c *instance, key, name string) string {
	t.Helper()
	created := c.demand(t, http.StatusCreated, http.MethodPost, "/api/access-profiles", key, `{"name": "`+name+`"}`)
	return fmt.Sprintf("/api/access-profiles/%.0f", created["access_profile"].(map[string]any)["id"])
}
