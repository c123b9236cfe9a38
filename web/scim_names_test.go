package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func work(address string) webtest.Object {
	return webtest.Object{"emails": []webtest.Object{{"value": address, "type": "work"}}}
}

// usersNamed are the ids of users of a directory who have a userName.
func usersNamed(d webtest.Directory, userName string) []string {
	d.T.Helper()
	found := d.SCIM("GET", `/Users?filter=userName eq "`+userName+`"`, nil).Is(200).JSON()["Resources"].([]any)
	ids := make([]string, len(found))
	for i, user := range found {
		ids[i] = user.(webtest.Object)["id"].(string)
	}
	return ids
}

// The userName of a user whom the directory deleted is free for others. The user can still be brought back by it, once
// it is free again, and by the externalId.
func TestUserNamesOfLeaversAreFree(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	kim, ada := d.Provision("kim", work("kim@example.com")), d.Provision("ada", work("ada@example.com"))
	d.Patch("/Users/"+ada, `{"op":"replace","path":"userName","value":"KIM"}`).RefusesSCIM(409, "uniqueness")
	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	d.Patch("/Users/"+ada, `{"op":"replace","path":"userName","value":"KIM"}`).Is(200)
	webtest.Same(t, "who has the name", usersNamed(d, "kim"), []string{ada})
	d.SCIM("POST", "/Users", webtest.With(work("kim@example.com"), "userName", "kim")).RefusesSCIM(409, "uniqueness")
	d.Patch("/Users/"+ada, `{"op":"replace","path":"userName","value":"ada"}`).Is(200)
	webtest.Same(t, "the user brought back", d.Provision("Kim", work("kim@example.com")), kim)
	webtest.Same(t, "who has the name", usersNamed(d, "kim"), []string{kim})

	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	d.SCIM("PUT", "/Users/"+ada, webtest.With(work("ada@example.com"), "userName", "kim")).Is(200)
	d.SCIM("DELETE", "/Users/"+ada, nil).Is(204)
	// Of two who had the name, the later one is brought back.
	webtest.Same(t, "the user brought back", d.Provision("kim", work("ada@example.com")), ada)

	one := d.Provision("one", work("one@example.com"), webtest.Object{"externalId": "1"})
	two := d.Provision("two", work("two@example.com"), webtest.Object{"externalId": "2"})
	d.SCIM("DELETE", "/Users/"+one, nil).Is(204)
	d.SCIM("DELETE", "/Users/"+two, nil).Is(204)
	webtest.Same(t, "one by the externalId", d.Provision("two", work("one@example.com"), webtest.Object{"externalId": "1"}), one)
	webtest.Same(t, "who has the name", usersNamed(d, "two"), []string{one})
	webtest.Same(t, "two by the externalId", d.Provision("second", work("two@example.com"), webtest.Object{"externalId": "2"}), two)
}

// A name that many want at the same time is given once, and users come back once.
func TestUserNamesOfLeaversAreGivenOnce(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	kim := d.Provision("kim", work("kim@example.com"))
	var others []string
	for i := range 8 {
		others = append(others, d.Provision(fmt.Sprint("u", i), work(fmt.Sprintf("u%d@example.com", i))))
	}
	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	next := make(chan string, len(others))
	for _, id := range others {
		next <- id
	}
	answers := webtest.Parallel(len(others), func() int {
		return d.Patch("/Users/"+<-next, `{"op":"replace","path":"userName","value":"kim"}`).StatusCode
	})
	if answers[200] != 1 || answers[409] != len(others)-1 {
		t.Errorf("answers: %v", answers)
	}
}

// The address of a user whom the directory deleted stays theirs; the refusal says so.
func TestAddressesOfLeaversAreKept(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	kim, ada := d.Provision("kim@example.com"), d.Provision("ada@example.com")
	taken := webtest.With(work("KIM@example.com"), "userName", "new")
	add := `{"op":"add","path":"emails[type eq \"work\"].value","value":"KIM@example.com"}`
	asked := func(what string, want bool) {
		t.Helper()
		before := c.ProvisionedState()
		for _, got := range []webtest.Answer{d.SCIM("POST", "/Users", taken), d.Patch("/Users/"+ada, add)} {
			detail := got.RefusesSCIM(409, "uniqueness").JSON()["detail"].(string)
			if strings.Contains(detail, "whom the directory deleted still has this address") != want {
				t.Errorf("%s: %s", what, detail)
			}
		}
		webtest.Same(t, what, c.ProvisionedState(), before)
	}
	asked("of a user", false)
	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	asked("of a user who was deleted", true)
	admin := c.Login(webtest.Admin)
	admin.API("PUT", "/api/users/"+kim+"/release", nil).Is(200)
	admin.API("DELETE", "/api/users/"+kim, nil).Is(200)
	d.SCIM("POST", "/Users", taken).Is(201)
}

// An admin hands users over and activates them without two users of one name: a name that a deleted user had is free,
// and one that was given to another stays there.
func TestUserNamesOfLeaversInTheConsole(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	admin := c.Login(webtest.Admin)
	kim, lee := d.Provision("local@example.com", work("kim@example.com")), d.Provision("domain@example.com", work("lee@example.com"))
	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	d.SCIM("DELETE", "/Users/"+lee, nil).Is(204)
	local, domain := c.Member("local@example.com", "Viewer"), c.Member("domain@example.com", "Viewer")
	admin.API("PUT", "/api/users/"+local+"/hand-over", webtest.Object{"connection_id": d.Connection}).Is(200)
	webtest.Same(t, "who has the name", usersNamed(d, "local@example.com"), []string{local})
	c.Unchanged(func() {
		refused := admin.API("PUT", "/api/users/"+kim+"/activate", nil).Refuses(409, "user_name_taken", "")
		if !strings.Contains(string(refused.Body), "Release") {
			t.Errorf("%s", refused.Body)
		}
		admin.Post("/users/"+kim+"/activate", nil).Is(409)
	})
	admin.API("PUT", "/api/users/"+kim+"/release", nil).Is(200)
	admin.API("PUT", "/api/users/"+kim+"/activate", nil).Is(200)

	c.Exec("UPDATE users SET email = 'domain@other.example', email_key = 'domain@other.example' WHERE id = ?", domain)
	c.Exec("UPDATE scim_users SET user_name = 'domain@other.example', user_name_key = 'domain@other.example' WHERE user_id = ?", lee)
	path := fmt.Sprintf("/api/scim-connections/%d/hand-over", d.Connection)
	done := admin.API("POST", path, webtest.Object{"email_domain": "other.example"}).Is(200).JSON()
	webtest.Same(t, "handed over by domain", fmt.Sprint(done["user_ids"]), fmt.Sprint([]string{domain}))
	admin.API("PUT", "/api/users/"+lee+"/activate", nil).Refuses(409, "user_name_taken", "")
	d.Patch("/Users/"+domain, `{"op":"replace","path":"userName","value":"other"}`).Is(200)
	admin.API("PUT", "/api/users/"+lee+"/activate", nil).Is(200)
	webtest.Same(t, "who has the name again", usersNamed(d, "domain@other.example"), []string{lee})
}

// Of two users whom the directory deleted and who had the same name, an admin brings either back, and not both.
func TestUserNamesOfTwoLeavers(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	admin := c.Login(webtest.Admin)
	kim, lee := d.Provision("kim", work("kim@example.com")), d.Provision("lee", work("lee@example.com"))
	activate := func(id string) webtest.Answer { return admin.API("PUT", "/api/users/"+id+"/activate", nil) }
	leaves := func(id string) { d.SCIM("DELETE", "/Users/"+id, nil).Is(204) }
	leaves(kim)
	d.Patch("/Users/"+lee, `{"op":"replace","path":"userName","value":"Kim"}`).Is(200)
	c.Unchanged(func() { activate(kim).Refuses(409, "user_name_taken", "") })
	leaves(lee)
	c.Unchanged(func() {
		admin.Post("/users/bulk/activate", url.Values{"ids": {kim, lee}}).Refuses(409, "user_name_taken", "")
	})
	activate(kim).Is(200)
	webtest.Same(t, "who has the name", usersNamed(d, "kim"), []string{kim})
	activate(lee).Refuses(409, "user_name_taken", "")
	leaves(kim)
	admin.Post("/users/"+lee+"/activate", nil).Is(303)
	webtest.Same(t, "who has the name", usersNamed(d, "kim"), []string{lee})
}

// Who is brought back is recorded, also when they stay deactivated.
func TestComingBackIsRecorded(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	kim := d.Provision("kim@example.com")
	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	c.Audits(func() { d.Provision("kim@example.com", webtest.Object{"active": false}) }, "update - "+kim+" scim: Okta")
	d.SCIM("DELETE", "/Users/"+kim, nil).Is(204)
	c.Audits(func() { d.Provision("kim@example.com") }, "update - "+kim+" scim: Okta", "activate - "+kim+" scim: Okta")
}
