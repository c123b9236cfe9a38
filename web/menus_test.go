package web_test

import (
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// A menu holds something that the actor may do, on every page, or is not there.
func TestNoMenuIsEmpty(t *testing.T) {
	g := webtest.NewGateway(t)
	paths := readable(t, g)
	views := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool {
		return !strings.HasSuffix(string(p), ":View")
	})
	for name, more := range map[string][]permission.Permission{
		"looks": nil, "makes profiles": {permission.CreateAccessProfiles}, "changes profiles": {permission.UpdateAccessProfiles},
		"deletes profiles": {permission.DeleteAccessProfiles}, "rotates keys": {permission.UpdateVirtualKeys},
	} {
		g.AddRole(name, append(slices.Clone(views), more...)...)
		g.AddUser(strings.ReplaceAll(name, " ", "-")+"@example.com", name)
		v, menus := g.Login(strings.ReplaceAll(name, " ", "-")+"@example.com"), 0
		for path := range paths {
			if strings.HasPrefix(path, "/api/") {
				continue
			}
			page := v.Get(path)
			for _, menu := range page.All("details", "class", "menu row-menu") {
				menus++
				acts := 0
				for node := range menu.Descendants() {
					if node.Data == "a" || node.Data == "button" {
						acts++
					}
				}
				if acts == 0 {
					t.Errorf("%s: a menu of %s is empty for a user who only %s", path, webtest.Attribute(first(menu, "summary"), "aria-label"), name)
				}
			}
		}
		webtest.Same(t, name+": some menus", menus > 0, more != nil)
	}
}
