package web_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// leaks names the first place where twelve characters of the secret's random part appear, plain or encoded.
func leaks(places map[string]string, secret string) string {
	random := strings.TrimPrefix(secret, "sk-bf-")
	forms := []string{random, base64.StdEncoding.EncodeToString([]byte(random)), base64.StdEncoding.EncodeToString([]byte(secret))}
	for place, content := range places {
		for _, form := range forms {
			for i := 0; i+12 <= len(form); i++ {
				if strings.Contains(content, form[i:i+12]) {
					return fmt.Sprintf("%q is in %s", form[i:i+12], place)
				}
			}
		}
		for i := 0; i+12 <= len(random); i++ { // bytes are shown in hexadecimal digits
			if strings.Contains(content, hex.EncodeToString([]byte(random[i:i+12]))) {
				return fmt.Sprintf("%q is in %s as bytes", random[i:i+12], place)
			}
		}
	}
	return ""
}

func TestVirtualKeysAreKeptNowhere(t *testing.T) {
	s := newStage(t)
	s.assignByRole(research, "Developer")
	_, assigned := s.assign(s.ada, research)
	page := "/users/" + s.ada
	shown := func(a answer) string { return text(s.session.follow(a).one("code", "id", "secret")) }
	secrets := []string{assigned["value"].(string)}
	secrets = append(secrets, shown(s.session.post("/users/"+s.bob+"/access-profiles", url.Values{"access_profile_id": {"4"}})))
	further := s.admin.api("POST", "/api"+page+"/virtual-keys", `{"name":"By JSON"}`).is(200).object("virtual_key")
	secrets = append(secrets, further["value"].(string))
	secrets = append(secrets, shown(s.session.post(page+"/virtual-keys", url.Values{"name": {"By form"}})))
	secrets = append(secrets, s.admin.api("POST", rotatePath(further), `{"grace_period_seconds":60}`).is(200).object("virtual_key")["value"].(string))
	byForm := page + "/virtual-keys/" + assigned["id"].(string)
	secrets = append(secrets, shown(s.session.post(byForm+"/rotate", url.Values{"grace_period_seconds": {"60"}})))
	places := map[string]string{}
	visit := func(a answer) {
		places[fmt.Sprint(len(places), " ", a.Request.Method, " ", a.Request.URL)] = string(a.body) + fmt.Sprint(a.Header)
	}
	for _, secret := range secrets {
		if !virtualKeyForm.MatchString(secret) {
			t.Fatalf("no key: %q", secret)
		}
		holder := s.bearer(secret)
		visit(holder.get(quota))
		visit(holder.get("/api/users/me/permissions"))
		visit(holder.get("/api/users").refuses(403, "forbidden", ""))
		visit(holder.get("/api/nothing"))
		visit(holder.api("POST", quota, `{}`))
		visit(s.bearer(secret+"0").get(quota).refuses(401, "unauthenticated", ""))
	}
	held := s.copies(s.ada)[0]
	for _, path := range []string{
		"/users", page, page + "/edit", page + "/delete", page + "/access-profiles/new", page + "/virtual-keys/new", copyPath(s.ada, held) + "/edit",
		copyPath(s.ada, held) + "/delete", byForm + "/rotate", byForm + "/delete", "/virtual-keys", "/virtual-keys?search=By",
		"/access-profiles/4", "/access-profiles/4/users",
		"/access-profiles/4/roles", "/access-profiles/4/audit", "/audit", "/audit/export?format=csv", "/audit/export?format=jsonl", "/roles", "/settings",
	} {
		visit(s.session.get(path).is(200))
	}
	for _, path := range []string{
		page, page + "/access-profiles", page + "/virtual-keys", "/virtual-keys", "/users", "/access-profiles/4", "/access-profiles/4/audit-logs",
		"/access-profiles/audit-logs?limit=100",
	} {
		visit(s.admin.get("/api" + path).is(200))
		visit(s.admin.get("/api/governance" + path).is(200))
	}
	visit(s.admin.api("DELETE", keyPath(s.ada, further), nil).is(200))
	visit(s.session.post(page+"/access-profiles", url.Values{"access_profile_id": {"4"}}).is(409))
	visit(s.admin.api("DELETE", "/api"+copyPath(s.ada, held), nil).is(200))
	for table, rows := range s.everyTable(s.owner()) {
		places["table "+table] = rows
	}
	places["the log"] = s.log.String()
	for i, secret := range secrets {
		if leak := leaks(places, secret); leak != "" {
			t.Errorf("secret %d: %s", i, leak)
		}
	}
	// The search finds a secret in each kind of place.
	var hash string
	s.scan(&hash, "SELECT encode(key_hash, 'hex') FROM virtual_keys LIMIT 1")
	for place, there := range map[string]string{"table virtual_keys": hash, "table audit_logs": s.ada, "the log": `"route":"/api/users/:id/virtual-keys"`} {
		if leak := leaks(map[string]string{place: places[place]}, there); leak == "" {
			t.Errorf("%q is not found in %s", there, place)
		}
	}
	pages := 0
	for place, content := range places {
		if !strings.Contains(place, " GET "+s.base+page) {
			continue
		}
		if pages++; leaks(map[string]string{place: content}, s.ada) == "" {
			t.Errorf("%s does not name its user", place)
		}
	}
	same(t, "pages below the user", pages, 9)
	if leaks(map[string]string{"bytes": `\x` + hex.EncodeToString([]byte(secrets[0]))}, secrets[0]) == "" ||
		leaks(map[string]string{"text": base64.StdEncoding.EncodeToString([]byte("x-" + secrets[0][:30]))}, "x-"+secrets[0][:30]) == "" {
		t.Error("encoded secrets are not found")
	}
}
