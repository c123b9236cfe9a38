package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// An archived profile is given by no form, and every page says how it is unarchived. Restoring leaves the state, and the
// page says so.
func TestArchivedProfile(t *testing.T) {
	s := webtest.NewStage(t)
	home := fmt.Sprint("/access-profiles/", webtest.Research)
	s.Admin.API("PUT", "/api"+home, object{"description": "another"}).Is(200)
	version := s.Admin.Profile(int64(webtest.Research))["version"]
	s.Admin.API("PUT", "/api"+home+"/deactivate", nil).Is(200)

	give := s.Session.Get(home + "/give").Is(200)
	if len(give.All("textarea")) > 0 || !strings.Contains(webtest.Text(give.One("main")), "is archived, so it cannot be given. Unarchive it first.") {
		t.Errorf("give: %s", webtest.Text(give.One("main")))
	}
	give.One("form", "action", home+"/activate")
	refused := s.Admin.API("POST", "/api"+home+"/give", `{"emails":"a@b.c"}`).Refuses(409, "profile_inactive", "")
	if !strings.Contains(string(refused.Body), "Unarchive ") {
		t.Errorf("the API: %s", refused.Body)
	}

	compare := func(from any) string {
		return webtest.Text(s.Session.Get(fmt.Sprint(home, "/versions/", from)).Is(200).One("main"))
	}
	if words := compare(version); !strings.Contains(words, "Only the state differs, which restoring does not change. Unarchive the profile") || strings.Contains(words, "Restore version") {
		t.Errorf("only the state: %s", words)
	}
	if words := compare(1); !strings.Contains(words, "The profile stays archived") {
		t.Errorf("version 1: %s", words)
	}
	s.Admin.API("POST", "/api"+home+"/versions/1/restore", nil).Is(200)
	webtest.Same(t, "active", s.Admin.Profile(int64(webtest.Research))["is_active"], any(false))
}
