package web_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/handlers"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

func addMember(id string) string {
	return `{"op":"Add","path":"members","value":[{"value":"` + id + `"}]}`
}

func removeMember(id string) string {
	return `{"op":"Remove","path":"members","value":[{"value":"` + id + `"}]}`
}

// The first rule that fits gives a user their role, and the profiles that come with it; the change of many is one row
// of the audit log, with one for each profile.
func TestRolesFollowGroups(t *testing.T) {
	g := webtest.NewGateway(t)
	d := g.Directory("Okta", "Viewer")
	staff, lead := g.AddRole("Staff"), g.AddRole("Lead")
	g.AssignByRole(g.Work, "Staff")
	ada, bob := d.Provision("ada@example.org"), d.Provision("bob@example.org")
	staffGroup, leadGroup := d.Group("Staff", ada, bob), d.Group("Leads")
	role := func(id string) any { return g.Account(id)["role"] }
	webtest.Same(t, "without a rule", role(ada), any("Viewer"))

	preview := g.Admin.API("POST", fmt.Sprintf("/api/scim-connections/%d/rules/preview", d.Connection),
		webtest.Object{"rules": []webtest.Object{{"group_id": staffGroup, "role_id": staff}}}).Is(200).JSON()
	webtest.Same(t, "moved by the preview", preview["users"], any(2.0))
	webtest.Same(t, "after the preview", role(ada), any("Viewer"))
	d.Rules(webtest.Object{"group_id": leadGroup, "role_id": lead}, webtest.Object{"group_id": staffGroup, "role_id": staff}).Is(200)
	webtest.Same(t, "ada by the second rule", role(ada), any("Staff"))
	webtest.Same(t, "copies of bob", len(g.Copies(bob)), 1)
	moved := g.Admin.Get("/api/access-profiles/audit-logs?action=update&resource=user").Is(200).JSON()
	webtest.Same(t, "audit rows of the change", moved["total_count"], any(1.0))
	row := moved["audit_logs"].([]any)[0].(map[string]any)
	gained := g.Admin.Get(fmt.Sprintf("/api/access-profiles/%d/audit-logs?action=assign", g.Work)).Is(200).JSON()["audit_logs"].([]any)[0].(map[string]any)
	for _, row := range []map[string]any{row, gained} {
		for _, want := range []string{ada, bob} {
			if !strings.Contains(row["metadata"].(string), want) {
				t.Errorf("the audit row lacks %s: %v", want, row)
			}
		}
	}

	d.Patch("/Groups/"+leadGroup, addMember(ada)).Is(204)
	webtest.Same(t, "ada by the first rule", role(ada), any("Lead"))
	webtest.Same(t, "copies of ada", len(g.Copies(ada)), 0)
	d.Patch("/Groups/"+staffGroup, removeMember(ada)).Is(204)
	webtest.Same(t, "ada, no longer in the second group", role(ada), any("Lead"))
	d.Patch("/Groups/"+staffGroup, `{"op":"replace","value":{"id":"`+staffGroup+`","displayName":"Everybody"}}`).Is(204)
	webtest.Same(t, "bob after a new name", role(bob), any("Staff"))

	d.Patch("/Users/"+bob, `{"op":"replace","path":"active","value":false}`).Is(200)
	d.Patch("/Groups/"+staffGroup, removeMember(bob)).Is(204)
	webtest.Same(t, "bob, who is deactivated", role(bob), any("Staff"))
	d.Patch("/Users/"+bob, `{"op":"replace","path":"active","value":true}`).Is(200)
	webtest.Same(t, "bob, who is back", role(bob), any("Viewer"))
	d.SCIM("DELETE", "/Groups/"+leadGroup, nil).Is(204)
	webtest.Same(t, "ada without the group", role(ada), any("Viewer"))
	webtest.Same(t, "rules left", len(g.Admin.Get(fmt.Sprintf("/api/scim-connections/%d/rules", d.Connection)).JSON()["rules"].([]any)), 1)
}

// A rule gives only a role that its author covers, one that administers only when that is ticked, and never takes the
// role of the last admin.
func TestSCIMRulesAreChecked(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	admin, boss := c.RoleID("Admin"), d.Provision("boss@example.com")
	group, other := d.Group("Admins", boss), d.Group("Others")
	foreign := c.Directory("Entra", "Viewer").Group("Foreign")
	path := fmt.Sprintf("/api/scim-connections/%d/rules", d.Connection)
	rules := func(list ...webtest.Object) webtest.Object {
		return webtest.Object{"rules": append([]webtest.Object{}, list...)}
	}
	few := c.APIKey(permission.ViewSettings, permission.UpdateSettings)
	few.API("PUT", path, rules(webtest.Object{"group_id": other, "role_id": c.RoleID("Developer")})).Refuses(403, "forbidden", "rules[0].role_id")
	key := c.APIKey()
	for name, test := range map[string]struct {
		rules       any
		code, param string
	}{
		"no tick":         {rules(webtest.Object{"group_id": group, "role_id": admin}), "administrative_role", "rules[0].administrative"},
		"foreign group":   {rules(webtest.Object{"group_id": foreign, "role_id": c.RoleID("Viewer")}), "unknown_group", "rules[0].group_id"},
		"no group":        {rules(webtest.Object{"role_id": 1}), "required", "rules[0].group_id"},
		"no role":         {rules(webtest.Object{"group_id": group}), "required", "rules[0].role_id"},
		"unknown role":    {rules(webtest.Object{"group_id": group, "role_id": 999}), "unknown_role", "rules[0].role_id"},
		"group twice":     {rules(webtest.Object{"group_id": group, "role_id": 1}, webtest.Object{"group_id": group, "role_id": 2}), "duplicate_group", "rules[1].group_id"},
		"nothing":         {webtest.Object{}, "required", "rules"},
		"null":            {webtest.Object{"rules": nil}, "null_not_allowed", "rules"},
		"rule as text":    {webtest.Object{"rules": []string{"x"}}, "wrong_type", "rules[0]"},
		"tick as a text":  {rules(webtest.Object{"group_id": group, "role_id": admin, "administrative": "yes"}), "wrong_type", "rules[0].administrative"},
		"unknown member":  {rules(webtest.Object{"group": group, "role_id": 1, "value": "x"}), "unknown_field", "rules[0].value"},
		"more than a 100": {webtest.Object{"rules": make([]webtest.Object, 101)}, "too_many_items", "rules"},
	} {
		before := c.ProvisionedState()
		key.API("PUT", path, test.rules).Refuses(400, test.code, test.param)
		key.API("POST", path+"/preview", test.rules).Refuses(400, test.code, test.param)
		if c.ProvisionedState() != before {
			t.Errorf("%s: something was changed", name)
		}
	}
	set := key.API("PUT", path, rules(webtest.Object{"group_id": group, "role_id": admin, "administrative": true})).Is(200)
	webtest.Same(t, "role of the boss", c.Account(boss)["role"], any("Admin"))
	key.With("If-Match", `"1"`).API("PUT", path, rules()).Refuses(412, "version_mismatch", "")
	key.With("If-Match", set.Header.Get("ETag")).API("PUT", path, set.JSON()).Is(200) // the answer can be sent back

	c.Exec("UPDATE users SET deactivated_at = now() WHERE email = ?", webtest.Admin)
	before := c.ProvisionedState()
	d.Patch("/Groups/"+group, removeMember(boss)).RefusesSCIM(409, "mutability")
	d.Patch("/Groups/"+group, `{"op":"replace","path":"members","value":[]}`).RefusesSCIM(409, "mutability")
	d.SCIM("DELETE", "/Groups/"+group, nil).RefusesSCIM(409, "mutability")
	if c.ProvisionedState() != before {
		t.Error("the last admin was changed")
	}
	d.Patch("/Groups/"+other, addMember(boss)).Is(204)
	c.Exec("UPDATE users SET deactivated_at = NULL WHERE email = ?", webtest.Admin)

	held := c.AddRole("Named by a rule")
	key.API("PUT", path, rules(webtest.Object{"group_id": other, "role_id": held})).Is(200)
	c.Exec("UPDATE users SET role_id = ? WHERE role_id = ?", c.RoleID("Viewer"), held)
	key.API("DELETE", fmt.Sprint("/api/roles/", held), nil).Refuses(409, "in_use", "")
}

// Pushes of groups that share users, changes of rules and of state at the same time leave every user with the role that
// the model gives, in any order, and without a deadlock.
func TestGroupsAgreeWithTheModel(t *testing.T) {
	deadlocks := &webtest.Deadlocks{}
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(deadlocks) })
	d := c.Directory("Okta", "Viewer")
	roles := []int64{c.AddRole("One"), c.AddRole("Two"), c.AddRole("Three")}
	var users, groups []string
	for i := range 6 {
		users = append(users, d.Provision(fmt.Sprintf("u%d@example.com", i)))
	}
	for i := range roles {
		groups = append(groups, d.Group(fmt.Sprint("Group ", i)))
	}
	rules := func(r *rand.Rand) []webtest.Object {
		var list []webtest.Object
		for _, i := range r.Perm(len(groups)) {
			list = append(list, webtest.Object{"group_id": groups[i], "role_id": roles[i]})
		}
		return list
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	d.Rules(rules(rand.New(rand.NewPCG(seed, 0)))...).Is(200)
	var work sync.WaitGroup
	for worker := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, worker+1))
		work.Go(func() {
			for range 12 {
				user := users[r.IntN(len(users))]
				switch n := r.IntN(10); {
				case n == 0:
					d.Rules(rules(r)...).Is(200)
				case n < 3:
					d.Patch("/Users/"+user, fmt.Sprintf(`{"op":"replace","path":"active","value":%v}`, n == 1)).Is(200)
				case n < 6:
					d.Patch("/Groups/"+groups[r.IntN(3)], addMember(user), addMember(users[r.IntN(len(users))])).Is(204)
				default:
					d.Patch("/Groups/"+groups[r.IntN(3)], removeMember(user)).Is(204)
				}
			}
		})
	}
	work.Wait()
	for _, user := range users { // of those who are deactivated nothing follows until they are back
		d.Patch("/Users/"+user, `{"op":"replace","path":"active","value":true}`).Is(200)
	}
	webtest.Same(t, "deadlocks", deadlocks.Load(), int64(0))
	want := modelRoles(c, d, users)
	for _, user := range users {
		webtest.Same(t, "role of "+user, c.Account(user)["role_id"], any(want[user]))
	}
}

// Of two pushes that wait for the same roles, the later one sees what the other has changed, in either order.
func TestPushesReadMembershipsAfterTheyLock(t *testing.T) {
	deadlocks := &webtest.Deadlocks{}
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(deadlocks) })
	g := webtest.Stage{Cast: webtest.Cast{Console: c}}
	d := g.Directory("Okta", "Viewer")
	first, second := g.AddRole("First"), g.AddRole("Second")
	of := []string{d.Group("One"), d.Group("Two")}
	d.Rules(webtest.Object{"group_id": of[0], "role_id": first}, webtest.Object{"group_id": of[1], "role_id": second}).Is(200)
	for round := range 4 {
		user := d.Provision(fmt.Sprintf("round%d@example.org", round))
		push := func(group string) func() webtest.Answer {
			return func() webtest.Answer { return d.Patch("/Groups/"+group, addMember(user)) }
		}
		webtest.Statuses(t, g.Queued("roles", first, push(of[round%2]), push(of[1-round%2]))...)
		webtest.Same(t, "role after both", g.Account(user)["role"], any("First"))
	}
	webtest.Same(t, "deadlocks", deadlocks.Load(), int64(0))
}

// modelRoles are the roles that users are to have, from what the directory and the API say.
func modelRoles(c *webtest.Console, d webtest.Directory, users []string) map[string]float64 {
	members := map[string]string{}
	for _, group := range d.SCIM("GET", "/Groups", nil).Is(200).JSON()["Resources"].([]any) {
		g := group.(map[string]any)
		members[g["id"].(string)] = fmt.Sprint(g["members"])
	}
	listed := c.APIKey().Get(fmt.Sprintf("/api/scim-connections/%d/rules", d.Connection)).Is(200).JSON()["rules"].([]any)
	want := map[string]float64{}
	for _, user := range users {
		want[user] = float64(c.RoleID("Viewer"))
		for _, rule := range slices.Backward(listed) {
			if strings.Contains(members[rule.(map[string]any)["group_id"].(string)], user) {
				want[user] = rule.(map[string]any)["role_id"].(float64)
			}
		}
	}
	return want
}

// A push of a thousand members gives each of them the role and its profile, in three rows of the audit log (of the
// group, of the role and of the profile), while decisions go on.
func TestGroupPushOfAThousand(t *testing.T) {
	g := webtest.NewGateway(t)
	d := g.Directory("Okta", "Viewer")
	staff := g.AddRole("Staff")
	g.AssignByRole(g.Work, "Staff")
	group := d.Group("Staff")
	d.Rules(webtest.Object{"group_id": group, "role_id": staff}).Is(200)
	ids := thousand(g, d)
	before := g.Count("audit_logs")
	calm := decisionTimes(g, func() { <-time.After(500 * time.Millisecond) })
	var took time.Duration
	busy := decisionTimes(g, func() {
		begun := time.Now()
		d.Patch("/Groups/"+group, `{"op":"add","path":"members","value":`+membersOf(ids)+`}`).Is(204)
		took = time.Since(begun)
	})
	t.Logf("the push took %s; decisions p99 %s before it, %s during it", took, calm, busy)
	webtest.Same(t, "audit rows", g.Count("audit_logs")-before, 3)
	var moved, copies int
	g.Scan(&moved, "SELECT count(*) FROM users WHERE role_id = ?", staff)
	g.Scan(&copies, "SELECT count(*) FROM user_access_profiles WHERE access_profile_id = ? AND from_role", g.Work)
	webtest.Same(t, "users with the role", moved, 1000)
	webtest.Same(t, "copies", copies, 1000)
	if took > 15*time.Second {
		t.Errorf("the push took %s", took)
	}
}

// thousand are a thousand users of a directory.
func thousand(g webtest.Gateway, d webtest.Directory) (ids []string) {
	g.T.Helper()
	g.Exec(`
WITH made AS (
    INSERT INTO users (id, name, email, email_key, role_id, connection_id)
    SELECT gen_random_uuid()::text, 'U' || n, 'u' || n || '@example.net', 'u' || n || '@example.net', ?0, ?1 FROM generate_series(1, 1000) AS n
    RETURNING id, email
)
INSERT INTO scim_users (user_id, connection_id, user_name, user_name_key, document) SELECT id, ?1, email, email, '{}' FROM made`,
		g.RoleID("Viewer"), d.Connection)
	g.Scan(&ids, "SELECT id FROM users WHERE email LIKE '%@example.net'")
	return ids
}

// membersOf are users as the members of a group.
func membersOf(ids []string) string {
	values := make([]string, len(ids))
	for i, id := range ids {
		values[i] = `{"value":"` + id + `"}`
	}
	return "[" + strings.Join(values, ",") + "]"
}

// decisionTimes is the 99th percentile of the time that decisions take while something is done.
func decisionTimes(g webtest.Gateway, do func()) time.Duration {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	var times []time.Duration
	for {
		begun := time.Now()
		g.Admin.Ask(webtest.Model(g.Key))
		times = append(times, time.Since(begun))
		select {
		case <-done:
			slices.Sort(times)
			return times[len(times)*99/100]
		default:
		}
	}
}

// An admin reads the last calls of a directory: which they were and why they were refused, but not what was sent.
func TestSCIMCallLog(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	d.Provision("ada@example.com")
	d.SCIM("GET", `/Users?filter=userName eq "secret@example.com"`, nil).Is(200)
	path, key := fmt.Sprintf("/api/scim-connections/%d/requests", d.Connection), c.APIKey()
	var calls []any
	c.Eventually("a call that is noted", func() bool { // one that cannot be noted within two seconds is not
		d.SCIM("POST", "/Users", webtest.Object{"userName": "ada@example.com"}).RefusesSCIM(409, "uniqueness")
		calls = key.Get(path).Is(200).JSON()["scim_requests"].([]any)
		return len(calls) > 0 && calls[0].(map[string]any)["status"] == 409.0
	})
	last := calls[0].(map[string]any)
	if last["detail"] != "There is a user with this userName already." || last["request_id"] == "" {
		t.Errorf("calls: %v", calls)
	}
	if text := fmt.Sprint(calls); strings.Contains(text, "secret@example.com") || strings.Contains(text, "filter") {
		t.Errorf("a call shows what was sent: %s", text)
	}
	refused := key.Get(path + "?refused=true").Is(200).JSON()["total_count"].(float64)
	page := c.Login(webtest.Admin).Get(fmt.Sprintf("/settings/provisioning/%d/requests?refused=true", d.Connection)).Is(200)
	webtest.Same(t, "rows of the page", len(page.All("tr")), 1+int(refused))
	c.Exec("INSERT INTO scim_requests (connection_id, method, path, status, ms) SELECT ?, 'GET', '/old', 200, 1 FROM generate_series(1, 600)", d.Connection)
	c.Eventually("only the last 500 calls", func() bool {
		d.SCIM("GET", "/Users", nil).Is(200)
		return key.Get(path).Is(200).JSON()["total_count"] == 500.0
	})
}

// The form of rules adds, moves and removes rows by its buttons, shows what would change, and only then stores it.
func TestRulesForm(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	user := d.Provision("ada@example.com")
	first, second := d.Group("First", user), d.Group("Second")
	role := fmt.Sprint(c.RoleID("Member"))
	admin := c.Login(webtest.Admin)
	path := fmt.Sprintf("/settings/provisioning/%d/rules", d.Connection)
	seen := webtest.Attribute(admin.Get(path).Is(200).One("input", "name", "version"), "value")
	form := map[string][]string{"version": {seen}, "op": {"add"}}
	if rows := admin.Post(path, form).Is(200).All("select", "name", "rules[r1].group_id"); len(rows) != 1 {
		t.Fatalf("%d rows were added", len(rows))
	}
	form = map[string][]string{
		"version": {seen}, "rules[r1].group_id": {second}, "rules[r1].role_id": {role}, "rules[r2].group_id": {first}, "rules[r2].role_id": {role},
	}
	with := func(op string) map[string][]string {
		changed := maps.Clone(form)
		changed["op"] = []string{op}
		return changed
	}
	for _, op := range []string{"up r2", "down r1"} {
		names := []string{}
		for _, s := range admin.Post(path, with(op)).Is(200).All("select") {
			names = append(names, webtest.Attribute(s, "name"))
		}
		webtest.Same(t, "rows after "+op, fmt.Sprint(names), "[rules[r2].group_id rules[r2].role_id rules[r1].group_id rules[r1].role_id]")
	}
	webtest.Same(t, "rows after remove", len(admin.Post(path, with("remove r1")).Is(200).All("select")), 2)
	asked := admin.Post(path, with("preview")).Is(200)
	back := asked.KeptFields(path)
	back.Set("op", "back")
	webtest.Same(t, "rows after going back", len(admin.Post(path, back).Is(200).All("select")), 4)
	if !strings.Contains(string(asked.Body), "1 user gets another role") || c.Account(user)["role"] != "Viewer" {
		t.Errorf("the preview: %s", asked.Body)
	}
	confirmed := asked.KeptFields(path)
	admin.Post(path, confirmed).Redirects(path)
	webtest.Same(t, "role", c.Account(user)["role"], any("Member"))
	late := admin.Post(path, confirmed).Refuses(412, "version_mismatch", "")
	late.One("section", "id", "conflict")
	without := maps.Clone(form)
	delete(without, "version")
	admin.Post(path, without).Refuses(400, "required", "version")
	without["version"] = []string{"x"}
	unread := admin.Post(path, without).Refuses(400, "wrong_type", "version")
	webtest.Same(t, "version after one that cannot be read", unread.KeptFields(path)["version"], late.KeptFields(path)["version"])
	form["version"], form["rules[r1].group_id"] = late.KeptFields(path)["version"], []string{""}
	form["rules[r2].role_id"] = []string{fmt.Sprint(c.RoleID("Admin"))}
	problems := admin.Post(path, with("preview")).Refuses(422, "required", "rules[0].group_id")
	webtest.Same(t, "problems", len(problems.All("p", "class", "field-error")), 1)
	form["rules[r1].group_id"] = []string{second}
	admin.Post(path, with("preview")).Refuses(422, "administrative_role", "rules[1].administrative")
	form["rules[r2].administrative"] = []string{"true"}
	c.Exec("DELETE FROM users WHERE id = ?", user)
	admin.Post(path, admin.Post(path, with("preview")).Is(200).KeptFields(path)).Redirects(path)
	c.Login(webtest.Viewer).Get(path).Is(200)
	c.Login(webtest.Viewer).Post(path, form).Is(403)
}
