package webtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Directory is a directory that provisions users: a client with the token of a connection.
type Directory struct {
	Client
	Connection int64
}

// Directory makes a connection, whose users get a role, and a token for it.
func (c *Console) Directory(name, role string, more ...Object) Directory {
	c.T.Helper()
	admin := c.Login(Admin)
	var roleID int64
	c.Scan(&roleID, "SELECT id FROM roles WHERE name = ?", role)
	body := Object{"name": name, "default_role_id": roleID}
	for _, fields := range more {
		for field, value := range fields {
			body[field] = value
		}
	}
	made := admin.API("POST", "/api/scim-connections", body).Is(201).Object("scim_connection")
	id := int64(made["id"].(float64))
	token := admin.API("POST", fmt.Sprintf("/api/scim-connections/%d/tokens", id), Object{}).Is(201).JSON()["token"].(string)
	return Directory{c.Anonymous().With("Authorization", "Bearer "+token), id}
}

// SCIM sends a request below /scim/v2; the values of its query are encoded here.
func (d Directory) SCIM(method, path string, body any) Answer {
	d.T.Helper()
	path, query, asked := strings.Cut(path, "?")
	if asked {
		values := url.Values{}
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			values.Add(name, value)
		}
		path += "?" + values.Encode()
	}
	content, ok := body.(string)
	if body != nil && !ok {
		encoded, err := json.Marshal(body)
		d.Must(err)
		content = string(encoded)
	}
	return d.Patient(method, path, "application/scim+json", content)
}

// Patient sends a request as it is, and again when the connection has asked too often or a busy machine puts it off, as
// directories do.
func (d Directory) Patient(method, path, media, body string) Answer {
	d.T.Helper()
	send := func() Answer {
		var content io.Reader
		if body == "" {
			media = ""
		} else {
			content = strings.NewReader(body)
		}
		return d.Send(method, "/scim/v2"+path, media, content)
	}
	for {
		a := repeated(send, func(a Answer) bool { return !d.Wired && d.StoodStill(a) })
		if a.StatusCode != http.StatusTooManyRequests {
			return a
		}
		<-time.After(time.Duration(max(a.Wait(), 1)) * time.Second)
	}
}

// Provision adds a user and returns their id.
func (d Directory) Provision(userName string, more ...Object) string {
	d.T.Helper()
	body := Object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": userName}
	for _, fields := range more {
		for field, value := range fields {
			body[field] = value
		}
	}
	return d.SCIM("POST", "/Users", body).Is(201).JSON()["id"].(string)
}

// Patch sends operations, each of them JSON.
func (d Directory) Patch(path string, operations ...string) Answer {
	d.T.Helper()
	return d.SCIM("PATCH", path,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+strings.Join(operations, ",")+`]}`)
}

// RefusesSCIM fails the test unless an answer is an error of SCIM with the status and the kind; "" is none.
func (a Answer) RefusesSCIM(status int, kind string) Answer {
	a.T.Helper()
	body := a.Is(status).JSON()
	got, _ := body["scimType"].(string)
	if got != kind || body["status"] != fmt.Sprint(status) || body["detail"] == "" ||
		!strings.HasPrefix(a.Header.Get("Content-Type"), "application/scim+json") {
		a.T.Fatalf("%s %s: %s, want the kind %q", a.Request.Method, a.Request.URL, a.Body, kind)
	}
	return a
}

// ProvisionedState is what directories have changed.
func (c *Console) ProvisionedState() (state string) {
	c.T.Helper()
	c.Scan(&state, `
SELECT coalesce((SELECT string_agg(t::text, E'\n' ORDER BY id) FROM users AS t), '')
    || coalesce((SELECT string_agg(t::text, E'\n' ORDER BY user_id) FROM scim_users AS t), '')
    || coalesce((SELECT string_agg(t::text, E'\n' ORDER BY id) FROM scim_groups AS t), '')
    || coalesce((SELECT string_agg(t::text, E'\n' ORDER BY group_id, user_id) FROM scim_members AS t), '')
    || (SELECT count(*) FROM audit_logs)`)
	return state
}

// DirectoryChanges are those that a directory makes, and the console to its users.
func DirectoryChanges(g Gateway, add func(name, actions string, call Object, before, after string, do func())) {
	d := g.Directory("Changing", "Viewer")
	n := 0
	user := func() (id, key string) {
		n++
		id = d.Provision(fmt.Sprintf("provisioned%d@example.com", n))
		_, key = g.Give(id, g.Work)
		return id, key
	}
	off := `{"op":"Replace","path":"active","value":"False"}`
	patched, key := user()
	add("deactivated by a patch", "PatchUser", Model(key), "allowed", "access_blocked", func() { d.Patch("/Users/"+patched, off).Is(200) })
	replaced, key := user()
	replacedName := fmt.Sprintf("provisioned%d@example.com", n)
	add("deactivated by a replacement", "ReplaceUser", Model(key), "allowed", "access_blocked", func() {
		d.SCIM("PUT", "/Users/"+replaced, Object{"userName": replacedName, "active": false}).Is(200)
	})
	gone, key := user()
	add("deleted by the directory", "DeprovisionUser", Model(key), "allowed", "access_blocked", func() { d.SCIM("DELETE", "/Users/"+gone, nil).Is(204) })
	back, key := user()
	backName := fmt.Sprintf("provisioned%d@example.com", n)
	d.SCIM("DELETE", "/Users/"+back, nil).Is(204)
	add("brought back by the directory", "ProvisionUser", Model(key), "access_blocked", "allowed", func() { d.Provision(backName) })

	role := g.AddRole("Handed out")
	g.AssignByRole(g.Work, "Handed out")
	moved := g.Directory("Moving", "Viewer")
	movedUser := moved.Provision("moved@example.com")
	_, key = g.Give(movedUser, 1)
	add("another default role", "UpdateSCIMConnection", Model(key), "provider_blocked", "allowed", func() {
		g.Admin.API("PUT", fmt.Sprint("/api/scim-connections/", moved.Connection), Object{"default_role_id": role}).Is(200)
	})
	for _, action := range []string{"PatchGroup", "ReplaceGroup", "DeprovisionGroup", "SetSCIMRules"} {
		grouped := g.Directory("Grouping by "+action, "Viewer")
		user := grouped.Provision(strings.ToLower(action) + "@example.com")
		_, key := g.Give(user, 1)
		members := []Object{{"value": user}}
		group := grouped.Group("Engineering")
		before, after := "provider_blocked", "allowed"
		do := func() {
			grouped.Patch("/Groups/"+group, `{"op":"add","path":"members","value":[{"value":"`+user+`"}]}`).Is(204)
		}
		switch action {
		case "ReplaceGroup":
			do = func() {
				grouped.SCIM("PUT", "/Groups/"+group, Object{"displayName": "Engineering", "members": members}).Is(200)
			}
		case "DeprovisionGroup":
			grouped.SCIM("PUT", "/Groups/"+group, Object{"displayName": "Engineering", "members": members}).Is(200)
			before, after = after, before
			do = func() { grouped.SCIM("DELETE", "/Groups/"+group, nil).Is(204) }
		case "SetSCIMRules":
			grouped.SCIM("PUT", "/Groups/"+group, Object{"displayName": "Engineering", "members": members}).Is(200)
			do = func() { grouped.Rules(Object{"group_id": group, "role_id": role}).Is(200) }
		}
		if action != "SetSCIMRules" {
			grouped.Rules(Object{"group_id": group, "role_id": role}).Is(200)
		}
		add("roles of groups by "+action, action, Model(key), before, after, do)
	}
	taking := g.Directory("Taking", "Handed out")
	for action, domain := range map[string]string{"HandOverUser": "one.example", "HandOverDomain": "all.example"} {
		local := g.Member("local@"+domain, "Viewer")
		_, key := g.Give(local, 1)
		add("handed over by "+action, action, Model(key), "provider_blocked", "allowed", func() {
			if action == "HandOverUser" {
				g.Admin.API("PUT", "/api/users/"+local+"/hand-over", Object{"connection_id": taking.Connection}).Is(200)
				return
			}
			path := fmt.Sprintf("/api/scim-connections/%d/hand-over", taking.Connection)
			g.Admin.API("POST", path, Object{"email_domain": domain}).Is(200)
		})
	}
}

// Account is a user as the API shows them.
func (c *Console) Account(id string) Object {
	c.T.Helper()
	return c.APIKey().Get("/api/users/" + id).Is(http.StatusOK).Object("user")
}

// Group adds a group with these members and returns its id.
func (d Directory) Group(name string, members ...string) string {
	d.T.Helper()
	list := make([]Object, len(members))
	for i, id := range members {
		list[i] = Object{"value": id}
	}
	return d.SCIM("POST", "/Groups", Object{"displayName": name, "members": list}).Is(201).JSON()["id"].(string)
}

// Rules sets which roles the groups of the connection give.
func (d Directory) Rules(rules ...Object) Answer {
	d.T.Helper()
	path := fmt.Sprintf("/api/scim-connections/%d/rules", d.Connection)
	return d.APIKey().API("PUT", path, Object{"rules": append([]Object{}, rules...)})
}
