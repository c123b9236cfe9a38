package web_test

import (
	"fmt"
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// The role that a user has already gives and takes nothing, so the page promises nothing.
func TestSameRoleHasNoEffects(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.SetRole(s.Ada, "Old")
	s.AssignByRole(webtest.Research, "Old") // which she did not get
	s.Unchanged(func() {
		s.Session.Post("/users/"+s.Ada+"/role", url.Values{"role_id": {fmt.Sprint(s.RoleID("Old"))}}).Redirects("/users/" + s.Ada)
	})
}
