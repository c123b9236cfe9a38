package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
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

	db := opened(t, owner)
	var keys int
	if err := db.NewRaw("SELECT count(*) FROM virtual_keys").Scan(t.Context(), &keys); err != nil || keys == 0 {
		t.Fatalf("%d keys, %v", keys, err)
	}
	must(t, second, adminPassword, "user", "create", "--email", "ada@example.com", "--role", "Admin")
	refuses := func(environment []string, keys string) {
		t.Helper()
		c := start(t, environment)
		page := settingsPage(t, c)
		for place, text := range map[string]string{"the log": c.log.String(), "the page": page} {
			if said := strings.Contains(text, "not the one under which"); said != (keys != "") ||
				!strings.Contains(text, keys) {
				t.Errorf("%s does not say %q:\n%s", place, keys, text)
			}
		}
		if code := c.signal(t, syscall.SIGTERM); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
	}
	refuses(second, strconv.Itoa(keys)+" virtual keys were last changed")
	refuses(first, "")
	// What is changed under the first again is refused by the second again, and the other way round.
	_, err := db.Exec("UPDATE virtual_keys SET updated_at = clock_timestamp() WHERE id = (SELECT min(id) FROM virtual_keys)")
	if err != nil {
		t.Fatal(err)
	}
	refuses(second, strconv.Itoa(keys)+" virtual keys were last changed")
	if _, err := db.Exec("UPDATE virtual_keys SET updated_at = clock_timestamp() WHERE id = (SELECT max(id) FROM virtual_keys)"); err != nil {
		t.Fatal(err)
	}
	refuses(second, strconv.Itoa(keys-1)+" virtual keys were last changed")
	refuses(first, "1 virtual key was last changed")
}

// settingsPage is what the page of settings shows to ada.
func settingsPage(t *testing.T, c *instance) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Jar: jar}
	signIn, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.address+"/login",
		strings.NewReader(url.Values{"email": {"ada@example.com"}, "password": {adminPassword}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	signIn.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {c.address}}
	answer, err := client.Do(signIn)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer, err = client.Get(c.address + "/settings"); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "Signed in as") {
		t.Fatalf("the page of settings: %d, %v", answer.StatusCode, err)
	}
	return string(page)
}
