package web_test

import (
	"slices"
	"testing"

	"tollgate/web/webtest"
)

// Every attribute that the schemas declare can be filtered by: who has it is found, and no one else is.
func TestSCIMFiltersBySchemas(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	extension := "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	parts := func(names ...string) webtest.Object {
		o := webtest.Object{}
		for _, name := range names {
			o[name] = "x"
		}
		return o
	}
	d.Group("Staff", d.Provision("ada@example.com", webtest.Object{
		"displayName": "Ada", "name": parts("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"),
		"emails":  []webtest.Object{{"value": "ada@example.com", "type": "work", "primary": true}},
		extension: parts("department", "costCenter", "employeeNumber"),
	}))
	d.Provision("bare@example.com")
	d.Group("Empty")
	always := []string{"userName", "active"} // and the displayName of a group
	filtered := 0
	found := func(where, filter string, attribute any, all bool) {
		got := d.SCIM("GET", where+"?filter="+filter, nil)
		want := 1.0
		if all {
			want = 2
		}
		if got.StatusCode != 200 || got.JSON()["totalResults"] != want {
			t.Errorf("%s %s: %s, want %v of %v", where, filter, got.Body, want, attribute)
		}
		filtered++
	}
	for _, schema := range d.SCIM("GET", "/Schemas", nil).Is(200).JSON()["Resources"].([]any) {
		s := schema.(webtest.Object)
		where, prefix := "/Users", s["id"].(string)+":"
		if s["name"] == "Group" {
			where = "/Groups"
		}
		for _, attribute := range webtest.Objects(s["attributes"]) {
			name := attribute["name"].(string)
			all := slices.Contains(always, name) || s["name"] == "Group" && name == "displayName"
			found(where, prefix+name+" pr", attribute, all)
			if s["name"] != "EnterpriseUser" {
				found(where, name+" pr", attribute, all)
			}
			if of, complex := attribute["subAttributes"]; complex {
				for _, sub := range webtest.Objects(of) {
					found(where, name+"."+sub["name"].(string)+" pr", sub, all)
				}
			}
		}
	}
	if filtered < 25 {
		t.Errorf("%d attributes were filtered by", filtered)
	}
	for _, filter := range []string{`name eq "x"`, `name co "x"`, `name[familyName eq "x"]`} {
		d.SCIM("GET", "/Users?filter="+filter, nil).RefusesSCIM(400, "invalidFilter")
	}
	webtest.Same(t, "without a name", d.SCIM("GET", "/Users?filter=not (name pr)", nil).Is(200).JSON()["totalResults"], any(1.0))
	webtest.Same(t, "by a middle name", d.SCIM("GET", `/Users?filter=name.middleName eq "X"`, nil).Is(200).JSON()["totalResults"], any(1.0))
}
