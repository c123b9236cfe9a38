package web_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestVirtualKeysAreKeptNowhere(t *testing.T) {
	s := webtest.NewStage(t)
	s.AssignByRole(webtest.Research, "Developer")
	_, assigned := s.Assign(s.Ada, webtest.Research)
	page := "/users/" + s.Ada
	shown := func(a webtest.Answer) string { return webtest.Text(s.Session.Follow(a).One("code", "id", "secret")) }
	secrets := []string{assigned["value"].(string)}
	secrets = append(secrets, shown(s.Session.Post("/users/"+s.Bob+"/access-profiles", url.Values{"access_profile_id": {"4"}})))
	further := s.Admin.API("POST", "/api"+page+"/virtual-keys", `{"name":"By JSON"}`).Is(200).Object("virtual_key")
	secrets = append(secrets, further["value"].(string))
	secrets = append(secrets, shown(s.Session.Post(page+"/virtual-keys", url.Values{"name": {"By form"}})))
	secrets = append(secrets, s.Admin.API("POST", webtest.RotatePath(further), `{"grace_period_seconds":60}`).Is(200).Object("virtual_key")["value"].(string))
	byForm := page + "/virtual-keys/" + assigned["id"].(string)
	secrets = append(secrets, shown(s.Session.Post(byForm+"/rotate", url.Values{"grace_period_seconds": {"60"}})))
	places := map[string]string{}
	visit := func(a webtest.Answer) {
		places[fmt.Sprint(len(places), " ", a.Request.Method, " ", a.Request.URL)] = string(a.Body) + fmt.Sprint(a.Header)
	}
	for _, secret := range secrets {
		if !webtest.VirtualKeyForm.MatchString(secret) {
			t.Fatalf("no key: %q", secret)
		}
		holder := s.Bearer(secret)
		visit(holder.Get(webtest.Quota))
		visit(holder.Get("/api/users/me/permissions"))
		visit(holder.Get("/api/users").Refuses(403, "forbidden", ""))
		visit(holder.Get("/api/nothing"))
		visit(holder.API("POST", webtest.Quota, `{}`))
		visit(s.Bearer(secret+"0").Get(webtest.Quota).Refuses(401, "unauthenticated", ""))
	}
	held := s.Copies(s.Ada)[0]
	for _, path := range []string{
		"/users", page, page + "/edit", page + "/delete", page + "/access-profiles/new", page + "/virtual-keys/new", webtest.CopyPath(s.Ada, held) + "/edit",
		webtest.CopyPath(s.Ada, held) + "/delete", byForm + "/rotate", byForm + "/delete", "/virtual-keys", "/virtual-keys?search=By",
		"/access-profiles/4", "/access-profiles/4/users",
		"/access-profiles/4/roles", "/access-profiles/4/audit", "/audit", "/audit/export?format=csv", "/audit/export?format=jsonl", "/roles", "/settings",
	} {
		visit(s.Session.Get(path).Is(200))
	}
	for _, path := range []string{
		page, page + "/access-profiles", page + "/virtual-keys", "/virtual-keys", "/users", "/access-profiles/4", "/access-profiles/4/audit-logs",
		"/access-profiles/audit-logs?limit=100",
	} {
		visit(s.Admin.Get("/api" + path).Is(200))
		visit(s.Admin.Get("/api/governance" + path).Is(200))
	}
	visit(s.Admin.API("DELETE", webtest.KeyPath(s.Ada, further), nil).Is(200))
	visit(s.Session.Post(page+"/access-profiles", url.Values{"access_profile_id": {"4"}}).Is(409))
	visit(s.Admin.API("DELETE", "/api"+webtest.CopyPath(s.Ada, held), nil).Is(200))
	for table, rows := range s.EveryTable(s.Owner()) {
		places["table "+table] = rows
	}
	places["the log"] = s.Log.String()
	for i, secret := range secrets {
		if leak := webtest.Leaks(places, secret); leak != "" {
			t.Errorf("secret %d: %s", i, leak)
		}
	}
	// The search finds a secret in each kind of place.
	var hash string
	s.Scan(&hash, "SELECT encode(key_hash, 'hex') FROM virtual_keys LIMIT 1")
	for place, there := range map[string]string{"table virtual_keys": hash, "table audit_logs": s.Ada, "the log": `"route":"/api/users/:id/virtual-keys"`} {
		if leak := webtest.Leaks(map[string]string{place: places[place]}, there); leak == "" {
			t.Errorf("%q is not found in %s", there, place)
		}
	}
	pages := 0
	for place, content := range places {
		if !strings.Contains(place, " GET "+s.Base+page) {
			continue
		}
		if pages++; webtest.Leaks(map[string]string{place: content}, s.Ada) == "" {
			t.Errorf("%s does not name its user", place)
		}
	}
	webtest.Same(t, "pages below the user", pages, 9)
	if webtest.Leaks(map[string]string{"bytes": `\x` + hex.EncodeToString([]byte(secrets[0]))}, secrets[0]) == "" ||
		webtest.Leaks(map[string]string{"text": base64.StdEncoding.EncodeToString([]byte("x-" + secrets[0][:30]))}, "x-"+secrets[0][:30]) == "" {
		t.Error("encoded secrets are not found")
	}
}
