package webtest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/models/modelstest"
)

// Object is a body for the API.
type Object = map[string]any

// Object is a member of the answered JSON that is an object.
func (a Answer) Object(name string) Object {
	a.T.Helper()
	o, ok := a.JSON()[name].(Object)
	if !ok {
		a.T.Fatalf("no %s in %s", name, a.Body)
	}
	return o
}

// PathOf is the API path of a key.
func PathOf(key Object) string {
	return "/api/api-keys/" + strconv.FormatFloat(key["id"].(float64), 'f', 0, 64)
}

const (
	// Ada and Bob are users whom tests act on.
	Ada = "ada@example.com"
	// Bob is the other one.
	Bob = "bob@example.com"
)

// Stage is a cast with profile 4, "Research", that uses every part of a policy, and two viewers without a copy.
type Stage struct {
	Cast
	Ada, Bob string
}

// Research is the id of the profile that tests of copies assign.
const Research = 4

// Member adds a user directly in the database, so that no profile is assigned.
func (c *Console) Member(email, role string) (id string) {
	c.T.Helper()
	c.AddUser(email, role)
	return c.UserID(email)
}

// VirtualKeyForm is the form of a virtual key's value.
var VirtualKeyForm = regexp.MustCompile(`^sk-bf-[0-9A-Za-z]{49}$`)

// Assign creates a copy and returns it, with the key that was issued, nil for none.
func (s Stage) Assign(user string, profile int64) (held, key Object) {
	s.T.Helper()
	got := s.Admin.API("POST", "/api/users/"+user+"/access-profiles", Object{"access_profile_id": profile}).Is(http.StatusCreated)
	key, _ = got.JSON()["virtual_key"].(Object)
	return got.Object("access_profile"), key
}

// Copies are the copies of a user.
func (s Stage) Copies(user string) []Object {
	s.T.Helper()
	return Objects(s.Admin.Get("/api/users/" + user + "/access-profiles").Is(http.StatusOK).JSON()["access_profiles"])
}

// Keys are the virtual keys of a user, as the API lists them.
func (s Stage) Keys(user string) []Object {
	s.T.Helper()
	return Objects(s.Admin.Get("/api/users/" + user + "/virtual-keys").Is(http.StatusOK).JSON()["virtual_keys"])
}

// Held lists a user's copies in short: "Research direct, Café role".
func (s Stage) Held(user string) string {
	s.T.Helper()
	var names []string
	for _, held := range s.Copies(user) {
		names = append(names, fmt.Sprint(held["name"], " ", held["source"]))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Objects are the elements of a JSON list of objects.
func Objects(value any) []Object {
	var all []Object
	for _, item := range value.([]any) {
		all = append(all, item.(Object))
	}
	return all
}

// Int64ID is the id of a row.
func Int64ID(row Object) int64 { return int64(row["id"].(float64)) }

// CopyPath is the API path of a user's copy.
func CopyPath(user string, held Object) string {
	return "/users/" + user + "/access-profiles/" + strconv.FormatInt(Int64ID(held), 10)
}

// Bearer is a program that uses a virtual key.
func (c *Console) Bearer(value any) Client {
	return c.Anonymous().With("Authorization", fmt.Sprint("Bearer ", value))
}

// Unchanged fails the test when do changes a row of any table.
func (c *Console) Unchanged(do func()) {
	c.T.Helper()
	if changed := c.Changes(do); len(changed) > 0 {
		c.T.Errorf("rows changed in %v", changed)
	}
}

// Audits fails the test unless do writes just these rows, each "action profile user actor" with - for none.
func (c *Console) Audits(do func(), want ...string) {
	c.T.Helper()
	var last int64
	c.Scan(&last, "SELECT coalesce(max(id), 0) FROM audit_logs")
	do()
	got := []string{}
	c.Scan(&got, `SELECT concat_ws(' ', action, coalesce(access_profile_id::text, '-'), coalesce(user_id, '-'), actor)
FROM audit_logs WHERE id > ? ORDER BY id`, last)
	if !slices.Equal(got, want) {
		c.T.Errorf("audit rows %q, want %q", got, want)
	}
	if n := c.Count("audit_logs WHERE door IS NULL AND id > ?", last); n > 0 {
		c.T.Errorf("%d of these audit rows do not name their origin", n)
	}
}

// Same fails the test unless two values are the same JSON.
func Same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Refusal is the body of an error answer, without the id of the request.
func (a Answer) Refusal() Object {
	a.T.Helper()
	said := a.JSON()
	delete(said, "event_id")
	return said
}

// Rounds is how often a race is run.
func Rounds() int {
	if modelstest.Soaks() {
		return 500
	}
	return 20
}

// RefuseAll sends rows of a form and a body, both ways, to a path below /users or /access-profiles.
func (s Stage) RefuseAll(t *testing.T, path string, cases []BadRow) {
	t.Helper()
	s.T = t
	s.Unchanged(func() {
		for _, bad := range cases {
			t.Run(bad.Name, func(t *testing.T) {
				refused := func(a Answer, status int) {
					a.T = t
					a.Refuses(status, bad.Code, bad.Param)
				}
				refused(s.Admin.API("POST", "/api"+path, bad.Body), http.StatusBadRequest)
				refused(s.Admin.API("POST", "/api/governance"+path, bad.Body), http.StatusBadRequest)
				if bad.Form != nil {
					refused(s.Session.Post(path, bad.Form), FormRefusal(bad.Code))
				}
			})
		}
	})
}

// FormRefusal is the status of a form with a problem: 400 only for a form that cannot be read.
func FormRefusal(code string) int {
	if code == "unknown_field" || code == "duplicate_field" {
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}

// OverridePath is the API path of the raise of a budget.
func OverridePath(user string, held, budget Object) string {
	return fmt.Sprint("/api", CopyPath(user, held), "/budgets/", budget["id"], "/override")
}

// KeyPath is the path on which a key is deleted.
func KeyPath(user string, key Object) string {
	return fmt.Sprint("/api/users/", user, "/access-profiles/virtual-keys/", key["id"])
}

// RotatePath is the API path that rotates a key.
func RotatePath(key Object) string {
	return fmt.Sprint("/api/governance/virtual-keys/", key["id"], "/rotate")
}

// Quota is the path at which a virtual key asks what is left.
const Quota = "/api/governance/virtual-keys/quota"

// Lines is every budget of a copy by "scope duration".
func Lines(held Object) map[string]Object {
	all := map[string]Object{}
	add := func(scope Object) {
		for _, budget := range Objects(scope["budgets"]) {
			all[fmt.Sprint(budget["scope"], " ", budget["reset_duration"])] = budget
		}
	}
	add(held)
	for _, config := range Objects(held["provider_configs"]) {
		add(config)
	}
	return all
}

// Raised is what a budget shows of its override: amount, mode, windows left, and the limit with it; nil for absent
// members.
func Raised(budget Object) []any {
	return []any{budget["override_amount"], budget["override_mode"], budget["override_cycles_remaining"], budget["effective_max_limit"]}
}

// KeysOf are the names of an object's members, sorted, with spaces between.
func KeysOf(object map[string]any) string {
	return strings.Join(slices.Sorted(maps.Keys(object)), " ")
}

// Leaks names the first place where twelve characters of the secret's random part appear, plain or encoded.
func Leaks(places map[string]string, secret string) string {
	random := strings.TrimPrefix(secret, "sk-bf-")
	forms := []string{random, base64.StdEncoding.EncodeToString([]byte(random)), base64.StdEncoding.EncodeToString([]byte(secret))}
	for place, content := range places {
		for _, form := range forms {
			for i := 0; i+12 <= len(form); i++ {
				if strings.Contains(content, form[i:i+12]) {
					return fmt.Sprintf("%q is in %s", form[i:i+12], place)
				}
			}
		}
		for i := 0; i+12 <= len(random); i++ { // bytes are shown in hexadecimal digits
			if strings.Contains(content, hex.EncodeToString([]byte(random[i:i+12]))) {
				return fmt.Sprintf("%q is in %s as bytes", random[i:i+12], place)
			}
		}
	}
	return ""
}
