package main

import (
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// Beside a console nothing begins with another secret: each would refuse the keys of the other. Alone it does, and says
// how many keys it does not know.
func TestAnotherSecret(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	with := func(text string) []string {
		return append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_SECRET="+text)
	}
	first, second := with(secret.NewSecret()), with(secret.NewSecret())
	c := start(t, first)
	must(t, first, "", "seed")
	key := strings.TrimSpace(must(t, first, "", "api-key", "create", "--name", "first"))
	for _, arguments := range [][]string{{"serve"}, {"seed"}, {"api-key", "create", "--name", "second"}} {
		r := do(t, second, "", arguments...)
		if r.code != exitConfig || r.stdout != "" || !strings.Contains(r.stderr, "TOLLGATE_SECRET: it is not the secret of the console") {
			t.Errorf("%v with another secret: exit code %d\n%s%s", arguments, r.code, r.stdout, r.stderr)
		}
	}
	if status, _ := c.get(t, c.address+"/api/access-profiles", key); status != http.StatusOK {
		t.Errorf("the key gets %d from the first console", status)
	}
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d", code)
	}

	var keys int
	if err := opened(t, owner).NewRaw("SELECT count(*) FROM virtual_keys").Scan(t.Context(), &keys); err != nil || keys == 0 {
		t.Fatalf("%d keys, %v", keys, err)
	}
	c = start(t, second)
	if warning := "not the one under which " + strconv.Itoa(keys) + " virtual keys were last changed"; !strings.Contains(c.log.String(), warning) {
		t.Errorf("%q is not said:\n%s", warning, c.log)
	}
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	c = start(t, first)
	if strings.Contains(c.log.String(), "not the one under which") {
		t.Errorf("with the first secret again:\n%s", c.log)
	}
}
