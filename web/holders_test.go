package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/uptrace/bun"
)

const (
	ada = "ada@example.com"
	bob = "bob@example.com"
)

// stage is a cast with profile 4, "Research", that uses every part of a policy, and two viewers without a copy.
type stage struct {
	cast
	ada, bob string
}

func newStage(t *testing.T) stage {
	t.Helper()
	s := stage{cast: newCast(t)}
	s.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	s.ada, s.bob = s.member(ada, "Viewer"), s.member(bob, "Viewer")
	return s
}

const research = 4

// member adds a user directly in the database, so that no profile is assigned.
func (c *console) member(email, role string) (id string) {
	c.t.Helper()
	c.addUser(email, role)
	return c.userID(email)
}

var virtualKeyForm = regexp.MustCompile(`^sk-bf-[0-9A-Za-z]{49}$`)

// assign creates a copy and returns it, with the key that was issued, nil for none.
func (s stage) assign(user string, profile int64) (held, key object) {
	s.t.Helper()
	got := s.admin.api("POST", "/api/users/"+user+"/access-profiles", object{"access_profile_id": profile}).is(http.StatusCreated)
	key, _ = got.json()["virtual_key"].(object)
	return got.object("access_profile"), key
}

// copies are the copies of a user.
func (s stage) copies(user string) []object {
	s.t.Helper()
	return objects(s.admin.get("/api/users/" + user + "/access-profiles").is(http.StatusOK).json()["access_profiles"])
}

func (s stage) keys(user string) []object {
	s.t.Helper()
	return objects(s.admin.get("/api/users/" + user + "/virtual-keys").is(http.StatusOK).json()["virtual_keys"])
}

// held lists a user's copies in short: "Research direct, Café role".
func (s stage) held(user string) string {
	s.t.Helper()
	var names []string
	for _, held := range s.copies(user) {
		names = append(names, fmt.Sprint(held["name"], " ", held["source"]))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func objects(value any) []object {
	var all []object
	for _, item := range value.([]any) {
		all = append(all, item.(object))
	}
	return all
}

func id64(row object) int64 { return int64(row["id"].(float64)) }

func copyPath(user string, held object) string {
	return "/users/" + user + "/access-profiles/" + strconv.FormatInt(id64(held), 10)
}

// bearer is a program that uses a virtual key.
func (c *console) bearer(value any) client {
	return c.anonymous().with("Authorization", fmt.Sprint("Bearer ", value))
}

// stored is every row of every table as text, except what a mere request changes: sessions, API keys' last use and
// throttles.
func (c *console) stored() map[string]string {
	c.t.Helper()
	tables := c.everyTable(c.db)
	for _, touched := range []string{"sessions", "api_keys", "login_throttles"} {
		delete(tables, touched)
	}
	return tables
}

func (c *console) everyTable(db *bun.DB) map[string]string {
	c.t.Helper()
	var names []string
	c.must(db.NewRaw("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'").Scan(c.t.Context(), &names))
	tables := map[string]string{}
	for _, name := range slices.DeleteFunc(names, keptInBackground) {
		var rows []string
		c.must(db.NewRaw("SELECT t::text FROM ? AS t ORDER BY 1", ident(name)).Scan(c.t.Context(), &rows))
		tables[name] = strings.Join(rows, "\n")
	}
	if len(tables) < 20 {
		c.t.Fatalf("only %d tables", len(tables))
	}
	return tables
}

// keptInBackground reports whether consoles write to a table at times of their own.
func keptInBackground(table string) bool {
	return slices.Contains([]string{
		"decision_consoles", "decision_hours", "refusals", "usage_people", "usage_totals", "usage_totals_state",
	}, table)
}

// changes names the tables whose rows do changes, in order.
func (c *console) changes(do func()) []string {
	c.t.Helper()
	before, t := c.stored(), c.t
	do()
	c.t = t // subtests have their own
	after := c.stored()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(after)), func(name string) bool { return before[name] == after[name] })
}

// unchanged fails the test when do changes a row of any table.
func (c *console) unchanged(do func()) {
	c.t.Helper()
	if changed := c.changes(do); len(changed) > 0 {
		c.t.Errorf("rows changed in %v", changed)
	}
}

// audits fails the test unless do writes just these rows, each "action profile user actor" with - for none.
func (c *console) audits(do func(), want ...string) {
	c.t.Helper()
	var last int64
	c.scan(&last, "SELECT coalesce(max(id), 0) FROM audit_logs")
	do()
	got := []string{}
	c.scan(&got, `SELECT concat_ws(' ', action, coalesce(access_profile_id::text, '-'), coalesce(user_id, '-'), actor)
FROM audit_logs WHERE id > ? ORDER BY id`, last)
	if !slices.Equal(got, want) {
		c.t.Errorf("audit rows %q, want %q", got, want)
	}
	if n := c.count("audit_logs WHERE door IS NULL AND id > ?", last); n > 0 {
		c.t.Errorf("%d of these audit rows do not name their origin", n)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// refusal is the body of an error answer, without the id of the request.
func (a answer) refusal() object {
	a.t.Helper()
	said := a.json()
	delete(said, "event_id")
	return said
}

// rounds is how often a race is run.
func rounds() int {
	if os.Getenv("TOLLGATE_SOAK") != "" {
		return 500
	}
	return 20
}

// rows of a form and a body, sent both ways to a path below /users or /access-profiles.
func (s stage) refuseAll(t *testing.T, path string, cases []badRow) {
	t.Helper()
	s.t = t
	s.unchanged(func() {
		for _, bad := range cases {
			t.Run(bad.name, func(t *testing.T) {
				refused := func(a answer, status int) {
					a.t = t
					a.refuses(status, bad.code, bad.param)
				}
				refused(s.admin.api("POST", "/api"+path, bad.body), http.StatusBadRequest)
				refused(s.admin.api("POST", "/api/governance"+path, bad.body), http.StatusBadRequest)
				if bad.form != nil {
					refused(s.session.post(path, bad.form), formRefusal(bad.code))
				}
			})
		}
	})
}

// formRefusal is the status of a form with a problem: 400 only for a form that cannot be read.
func formRefusal(code string) int {
	if code == "unknown_field" || code == "duplicate_field" {
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}

func overridePath(user string, held, budget object) string {
	return fmt.Sprint("/api", copyPath(user, held), "/budgets/", budget["id"], "/override")
}

// keyPath is the path on which a key is deleted.
func keyPath(user string, key object) string {
	return fmt.Sprint("/api/users/", user, "/access-profiles/virtual-keys/", key["id"])
}

func rotatePath(key object) string {
	return fmt.Sprint("/api/governance/virtual-keys/", key["id"], "/rotate")
}

const quota = "/api/governance/virtual-keys/quota"
