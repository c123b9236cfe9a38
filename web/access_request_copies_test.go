package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// asksForLlama is a console on which ada asks for groq/llama, with the path that grants it.
func asksForLlama(t *testing.T) (g webtest.Gateway, grant string) {
	t.Helper()
	g = webtest.NewGateway(t)
	g.Exec("INSERT INTO providers (name, models) VALUES ('groq', '{}')")
	asked := g.Login(webtest.Ada).API("POST", "/api/access-requests", `{"model":"groq/llama","reason":"Tests"}`)
	return g, "/api/access-requests/" + requestOf(asked) + "/grant"
}

// groq is a policy with models of one provider.
func groq(models ...string) string {
	return `"provider_configs":[{"provider_name":"groq","allowed_models":["` + strings.Join(models, `","`) + `"]}]`
}

// wouldNotHelp fails the test unless a grant is refused by API and form, says what does help and changes nothing.
func wouldNotHelp(g webtest.Gateway, grant string, profile int64, words string) {
	g.T.Helper()
	g.Unchanged(func() {
		refused := g.Admin.API("POST", grant, webtest.Object{"access_profile_id": profile}).Refuses(409, "would_not_help", "access_profile_id")
		if said := fmt.Sprint(refused.Object("error")["message"]); !strings.Contains(said, words) {
			g.T.Errorf("it says %q, and not %q", said, words)
		}
		page := g.Session.Post(strings.TrimPrefix(grant, "/api"), url.Values{"access_profile_id": {fmt.Sprint(profile)}})
		if text := webtest.Text(page.Refuses(409, "would_not_help", "access_profile_id").One("main")); !strings.Contains(text, words) {
			g.T.Errorf("the page does not say %q: %s", words, text)
		}
	})
}

// A grant does not resume a copy that an admin paused: a role's would stay for good, and one without an end would get one.
func TestGrantResumesNoCopy(t *testing.T) {
	g, grant := asksForLlama(t)
	direct, byRole := g.ProfileNaming("Direct", groq("llama")), g.ProfileNaming("By role", groq("llama"))
	held, _ := g.Assign(g.Ada, direct)
	g.Attach(byRole, webtest.Object{"role_ids": []int64{g.RoleID("Viewer")}, "apply_to_existing": true})
	for _, one := range g.Copies(g.Ada) {
		if one["name"] != "Work" {
			g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, one), `{"is_active":false}`).Is(200)
		}
	}
	wouldNotHelp(g, grant, direct, "Resume their copy of Direct instead: it is paused")
	wouldNotHelp(g, grant, byRole, "Resume their copy of By role instead: it is paused")
	// Not even one that has expired too.
	g.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 hour' WHERE id = ?", webtest.Int64ID(held))
	wouldNotHelp(g, grant, direct, "Resume their copy of Direct instead: it is paused")
}

// A direct copy that has expired ends when the grant does, and until then lets its user call the model.
func TestGrantExtendsAnExpiredCopy(t *testing.T) {
	g, grant := asksForLlama(t)
	fast := g.ProfileNaming("Fast", groq("llama"))
	held, _ := g.Assign(g.Ada, fast)
	g.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 hour' WHERE id = ?", webtest.Int64ID(held))
	g.Audits(func() {
		g.Admin.API("POST", grant, webtest.Object{"access_profile_id": fast, "expires_at": "2099-01-01T00:00:00Z"}).Is(200)
	}, fmt.Sprint("update ", fast, " ", g.Ada, " cli"), "update - "+g.Ada+" cli")
	after := g.Copies(g.Ada)[1]
	webtest.Same(t, "copy", []any{after["id"], after["expires_at"]}, []any{held["id"], "2099-01-01T00:00:00Z"})
	g.Admin.WithinASecond(webtest.Object{"virtual_key": g.Key, "model": "groq/llama"}, "allowed")
}

// A copy that has expired does not come back with what was taken out of its profile since.
func TestGrantOfAnExpiredCopyThatIsBehind(t *testing.T) {
	g, grant := asksForLlama(t)
	fast := g.ProfileNaming("Fast", groq("llama", "gemma"))
	held, _ := g.Assign(g.Ada, fast)
	g.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 hour' WHERE id = ?", webtest.Int64ID(held))
	path := fmt.Sprint("/api/access-profiles/", fast)
	g.Admin.API("PUT", path, "{"+groq("llama")+"}").Is(200)
	g.Admin.API("POST", path+"/propagate", `{"fields":["provider_configs"]}`).Is(200)
	wouldNotHelp(g, grant, fast, "Give their copy of Fast a new end and propagate Fast to it first: it has expired, and Fast has changed since.")
}

// A copy that was made before its profile had the model lacks it until it is propagated: a grant says so.
func TestGrantOfAModelThatTheCopyLacks(t *testing.T) {
	g, grant := asksForLlama(t)
	fast := g.ProfileNaming("Fast", groq("gemma"))
	path := fmt.Sprint("/api/access-profiles/", fast)
	held, _ := g.Assign(g.Ada, fast)
	g.Admin.API("PUT", path, "{"+groq("gemma", "llama")+"}").Is(200)
	wouldNotHelp(g, grant, fast, "Propagate Fast to them first: their copy lacks groq/llama")
	set := func(what string) {
		g.Exec("UPDATE user_access_profiles SET is_active = true, expires_at = NULL WHERE id = ?", webtest.Int64ID(held))
		g.Exec("UPDATE user_access_profiles SET "+what+" WHERE id = ?", webtest.Int64ID(held))
	}
	set("expires_at = now() - interval '1 hour'")
	wouldNotHelp(g, grant, fast, "Give their copy of Fast a new end and propagate Fast to it first")
	set("is_active = false")
	wouldNotHelp(g, grant, fast, "Resume their copy of Fast and propagate Fast to it first")
	set("is_active = true")
	g.Admin.API("POST", path+"/propagate", `{"fields":["provider_configs"]}`).Is(200)
	g.Admin.API("POST", grant, webtest.Object{"access_profile_id": fast}).Refuses(409, "already_held", "access_profile_id")
	set("expires_at = now() - interval '1 hour'")
	g.Admin.API("POST", grant, webtest.Object{"access_profile_id": fast}).Is(200)
	g.Admin.WithinASecond(webtest.Object{"virtual_key": g.Key, "model": "groq/llama"}, "allowed")
}
