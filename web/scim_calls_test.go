package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// scimCall is a call in the shape that Okta or Entra sends, with its answer and the state after it. $u is the id of a
// user or group that an earlier call has made.
type scimCall struct {
	ID, Note, Method, Path string
	Body, Raw              json.RawMessage
	Generated              string `json:"body_generated"`
	Headers                map[string]*string
	Status                 []int
	Kind                   string `json:"scimType"`
	Total                  *int   `json:"totalResults"`
	Returned               *int
	After                  map[string]any
	Keep                   string
}

// Each call of Okta and Entra is answered as it should be, and sent a second time changes nothing. Over connections to
// the database that keep breaking it is answered 503, and sent again as it should be; what is kept in the end is what the
// run without a break keeps.
func TestSCIMCalls(t *testing.T) {
	clean, broken := webtest.NewConsole(t), webtest.NewConsole(t)
	runSCIMCalls(t, clean, clean.Directory("Okta", "Viewer"), scimCall.send)
	if t.Failed() {
		return
	}
	w, address := broken.DatabaseWire(nil)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r, breaking := rand.New(rand.NewPCG(seed, 0)), sync.Mutex{}
	w.Cut = func([]byte) bool {
		breaking.Lock()
		defer breaking.Unlock()
		return r.IntN(40) == 0
	}
	there, _ := broken.Another(address)
	putOff := 0
	runSCIMCalls(t, broken, broken.Directory("Okta", "Viewer"),
		func(call scimCall, d webtest.Directory, known map[string]string, before webtest.Answer) webtest.Answer {
			d.Client = d.At(there)
			for range 200 {
				a := call.send(d, known, before)
				if a.StatusCode != http.StatusServiceUnavailable {
					return a
				}
				putOff++
			}
			d.T.Fatal("it is answered 503 again and again")
			return webtest.Answer{}
		})
	t.Logf("%d calls were answered 503", putOff)
	webtest.Same(t, "kept in the end", keptByDirectory(broken), keptByDirectory(clean))
	if putOff < 10 {
		t.Error("too few calls met a break")
	}
}

// keptByDirectory is what a directory has changed, without ids and times.
func keptByDirectory(c *webtest.Console) (kept string) {
	c.Scan(&kept, `
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
    SELECT concat_ws(' ', s.user_name, s.external_id, s.version, s.document, u.name, u.email, u.deactivated_at IS NOT NULL,
        u.left_at IS NOT NULL) AS line
    FROM scim_users AS s JOIN users AS u ON u.id = s.user_id
    UNION ALL
    SELECT concat_ws(' ', g.display_name, g.external_id, g.version, (SELECT array_agg(s.user_name ORDER BY s.user_name)
        FROM scim_members AS m JOIN scim_users AS s USING (user_id) WHERE m.group_id = g.id))
    FROM scim_groups AS g
    UNION ALL
    SELECT concat_ws(' ', actor, action, count(*)) FROM audit_logs WHERE actor LIKE 'scim:%' GROUP BY actor, action
) AS lines`)
	return kept
}

// runSCIMCalls sends every call twice, and checks the answer and what is kept after it.
func runSCIMCalls(
	t *testing.T, c *webtest.Console, d webtest.Directory,
	send func(call scimCall, d webtest.Directory, known map[string]string, before webtest.Answer) webtest.Answer,
) {
	whole := c.T
	defer func() { c.T = whole }()
	known := map[string]string{}
	var before webtest.Answer
	for _, call := range scimCalls(t) {
		t.Run(call.ID, func(t *testing.T) {
			c.T, d.T = t, t
			if call.ID == "SC-57" {
				for i := range 7 { // to have several pages
					d.Provision(fmt.Sprintf("more%d@example.com", i))
				}
			}
			before = send(call, d, known, before)
			call.check(t, before)
			if call.Keep != "" {
				known["$"+call.Keep] = before.JSON()["id"].(string)
			}
			for name, want := range call.After {
				checkAfter(t, d, known, name, want)
			}
			if call.Method != http.MethodGet {
				state := c.ProvisionedState()
				again := send(call, d, known, before)
				if now := c.ProvisionedState(); now != state || again.StatusCode >= 500 {
					t.Errorf("a second time it is answered %d %s and changes\n%s\nto\n%s", again.StatusCode, again.Body, state, now)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

func scimCalls(t *testing.T) (calls []scimCall) {
	t.Helper()
	file, err := os.ReadFile("testdata/scim_calls.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		var call scimCall
		if err := json.Unmarshal([]byte(line), &call); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, call)
	}
	if len(calls) != 97 {
		t.Fatalf("%d calls", len(calls))
	}
	return calls
}

// send sends the call with the ids that are known.
func (s scimCall) send(d webtest.Directory, known map[string]string, before webtest.Answer) webtest.Answer {
	names := []string{}
	for name, id := range known {
		names = append(names, name, id)
	}
	ids := strings.NewReplacer(names...)
	body := string(s.Body)
	if s.Raw != nil {
		d.Must(json.Unmarshal(s.Raw, &body))
	}
	if s.Generated == "two megabytes" {
		body = `{"userName":"` + strings.Repeat("x", 2<<20) + `"}`
	}
	media := "application/scim+json"
	for name, value := range s.Headers {
		switch {
		case value == nil && name == "Content-Type":
			media = ""
		case value == nil:
			d.Client = d.With(name, "")
		case name == "Content-Type":
			media = *value
		case *value == "Bearer <another>":
			d.Client = d.With(name, "Bearer tgs_"+strings.Repeat("0", 49))
		case *value == "<the ETag of the answer before>":
			d.Client = d.With(name, before.Header.Get("ETag"))
		default:
			d.Client = d.With(name, *value)
		}
	}
	if body == "" {
		return d.SCIM(s.Method, ids.Replace(s.Path), nil)
	}
	return d.Patient(s.Method, ids.Replace(s.Path), media, ids.Replace(body))
}

func (s scimCall) check(t *testing.T, got webtest.Answer) {
	t.Helper()
	if !slices.Contains(s.Status, got.StatusCode) {
		t.Fatalf("%s: %d %s", s.Note, got.StatusCode, got.Body)
	}
	if s.Kind != "" {
		got.RefusesSCIM(got.StatusCode, s.Kind)
	}
	if s.Total == nil {
		return
	}
	list := got.JSON()
	rows := list["Resources"].([]any)
	if list["totalResults"] != float64(*s.Total) || len(rows) != *s.Returned || list["itemsPerPage"] != float64(*s.Returned) {
		t.Errorf("%s: %s", s.Note, got.Body)
	}
}

// checkAfter compares what is kept of a user or a group.
func checkAfter(t *testing.T, d webtest.Directory, known map[string]string, name string, want any) {
	t.Helper()
	id := known[name]
	got := d.SCIM("GET", "/Users/"+id, nil)
	if want == 404.0 {
		d.SCIM("GET", "/Groups/"+id, nil).Is(404)
		got.Is(404)
		return
	}
	if _, isGroup := want.(map[string]any)["members"]; isGroup {
		got = d.SCIM("GET", "/Groups/"+id, nil)
	}
	kept := map[string]any{}
	for field, value := range got.Is(200).JSON() {
		switch field {
		case "schemas", "id", "meta":
		case "emails":
			kept[field] = valuesOf(value)
		case "members":
			members := valuesOf(value)
			for i, member := range members {
				for variable, id := range known {
					if id == member {
						members[i] = variable
					}
				}
			}
			slices.SortFunc(members, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			kept[field] = members
		case "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
			kept["enterprise"] = value
		default:
			kept[field] = value
		}
	}
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("%s is\n%v, want\n%v", name, kept, want)
	}
}

func valuesOf(list any) []any {
	values := []any{}
	for _, item := range list.([]any) {
		values = append(values, item.(map[string]any)["value"])
	}
	return values
}
