package web_test

import (
	"strings"
	"testing"
)

// Each request is wrong in every way from one step of the order on; the first step that refuses must be the one that
// answers.
func TestOrderOfRefusals(t *testing.T) {
	c := newCast(t)
	c.admin.api("PUT", profiles+"/1", `{"tags":["second"]}`).is(200)
	admin, viewer := "Authorization: "+c.admin.header.Get("Authorization"), "Authorization: "+c.viewer.header.Get("Authorization")
	const away, cross, plain, stale = "Host: evil.example\n", "Sec-Fetch-Site: cross-site\n", "Content-Type: text/plain\n", "If-Match: \"1\"\n"
	large := strings.Repeat("x", 1<<20+1)
	const broken, invalid, taken = `{"name":`, `{"name":"","tags":null}`, `{"name":"CAFÉ"}`
	attack(t, c, c.anonymous(), []hostile{
		{"POST", "/api/nowhere", away + cross + plain, large, 421, "unknown_host", ""},
		{"PATCH", profiles + "/x", away + cross, "", 421, "unknown_host", ""},
		{"GET", "/", away, "", 421, "unknown_host", ""},
		{"GET", "/static/base.css", away, "", 421, "unknown_host", ""},
		{"POST", "/api/nowhere", cross + plain, large, 404, "not_found", ""},
		{"POST", profiles + "/x", cross + plain, large, 405, "method_not_allowed", ""},
		{"POST", profiles, cross + plain, large, 403, "cross_origin_request", ""},
		{"PUT", profiles + "/x", cross + plain + viewer, large, 403, "cross_origin_request", ""},
		{"POST", profiles, plain, "x", 401, "unauthenticated", ""},
		{"DELETE", profiles + "/x", stale, "", 401, "unauthenticated", ""},
		{"POST", profiles, plain + viewer, "x", 403, "forbidden", ""},
		{"PUT", profiles + "/x", plain + viewer + "\nIf-Match: x", "x", 403, "forbidden", ""},
		{"DELETE", profiles + "/999", viewer, "", 403, "forbidden", ""},
		{"POST", profiles, plain + admin, large, 415, "unsupported_media_type", ""},
		{"PUT", profiles + "/x", jsonBody + "\n" + admin, large, 413, "body_too_large", ""},
		{"PUT", profiles + "/999", jsonBody + "\n" + stale + admin, broken, 400, "invalid_json", ""},
		{"PUT", profiles + "/999", jsonBody + "\n" + admin + "\nIf-Match: x", invalid, 400, "invalid_if_match", ""},
		{"PUT", profiles + "/999", jsonBody + "\n" + stale + admin, `{"nope":1}`, 400, "unknown_field", "nope"},
		{"PUT", profiles + "/999", jsonBody + "\n" + stale + admin, invalid, 404, "not_found", ""},
		{"PUT", profiles + "/1", jsonBody + "\n" + stale + admin, broken, 400, "invalid_json", ""},
		{"PUT", profiles + "/1", jsonBody + "\n" + stale + admin, invalid, 412, "version_mismatch", ""},
		{"PUT", profiles + "/1", jsonBody + "\n" + stale + admin, taken, 412, "version_mismatch", ""},
		{"PUT", profiles + "/1", jsonBody + "\nIf-Match: \"2\"\n" + admin, `{"name":"CAFÉ","tags":null}`, 400, "null_not_allowed", "tags"},
		{"PUT", profiles + "/1", jsonBody + "\nIf-Match: \"2\"\n" + admin, taken, 409, "name_taken", "name"},
		{"PUT", profiles + "/1", jsonBody + "\nIf-Match: *\n" + admin, taken, 409, "name_taken", "name"},
		{"PUT", profiles + "/999", jsonBody + "\nIf-Match: *\n" + admin, taken, 404, "not_found", ""},
		{"POST", profiles + "/999/clone", jsonBody + "\n" + admin, broken, 400, "invalid_json", ""},
		{"POST", profiles + "/999/clone", jsonBody + "\n" + admin, `{"name":""}`, 404, "not_found", ""},
		{"POST", profiles + "/1/clone", jsonBody + "\n" + admin, `{"name":"","description":1}`, 400, "required", "name"},
		{"POST", profiles + "/1/clone", jsonBody + "\n" + admin, `{"name":"x","tags":[]}`, 400, "unknown_field", "tags"},
		{"POST", profiles + "/1/clone", jsonBody + "\n" + admin, `{}`, 400, "required", "name"},
		{"POST", profiles + "/1/clone", jsonBody + "\n" + admin, taken, 409, "name_taken", "name"},
		{"POST", profiles + "/1/clone", jsonBody + "\n" + admin, `{"name":"engineering"}`, 409, "name_taken", "name"},
		{"DELETE", profiles + "/1", stale + admin, "", 412, "version_mismatch", ""},
		{"PUT", profiles + "/1/activate", stale + admin, "", 412, "version_mismatch", ""},
		{"PUT", profiles + "/1/deactivate", stale + admin, "", 412, "version_mismatch", ""},
	})
}

func TestIfMatch(t *testing.T) {
	c := newCast(t)
	var rows []hostile
	for _, tag := range []string{
		`"1`, `1"`, `""`, `"01"`, `"-1"`, `"+1"`, `"1.0"`, `"1e0"`, `" 1"`, `'1'`, `"1", "2"`, `"1","1"`, `*, "1"`, `"*"`, `**`, `w/"1"`, `W/"*"`, `"x"`,
		`"9223372036854775808"`, "", "\"1\"\nIf-Match: \"1\"", "*\nIf-Match: *", "\"１\"",
	} {
		for _, act := range []hostile{{method: "PUT", path: profiles + "/1", body: `{}`}, {method: "DELETE", path: profiles + "/1"}, {method: "PUT", path: profiles + "/1/deactivate"}} {
			rows = append(rows, hostile{act.method, act.path, jsonBody + "\nIf-Match: " + tag, act.body, 400, "invalid_if_match", ""})
		}
	}
	for _, tag := range []string{`"0"`, `"2"`, `"9223372036854775807"`} {
		rows = append(rows, hostile{"PUT", profiles + "/1", jsonBody + "\nIf-Match: " + tag, `{}`, 412, "version_mismatch", ""},
			hostile{"DELETE", profiles + "/1", "If-Match: " + tag, "", 412, "version_mismatch", ""},
			hostile{"PUT", profiles + "/1/deactivate", "If-Match: " + tag, "", 412, "version_mismatch", ""})
	}
	attack(t, c, c.admin, rows)
	v := c.admin.with("If-Match", "*")
	for _, act := range []struct{ method, path, body, etag string }{
		{"PUT", "/1", `{}`, `"1"`}, {"PUT", "/1/activate", ``, `"1"`}, {"PUT", "/1/deactivate", ``, `"2"`}, {"PUT", "/1/deactivate", `{}`, `"2"`},
	} {
		a := v.send(act.method, profiles+act.path, "application/json", strings.NewReader(act.body)).is(200)
		if a.Header.Get("ETag") != act.etag {
			t.Errorf("%s %s: ETag %s, want %s", act.method, act.path, a.Header.Get("ETag"), act.etag)
		}
	}
	v.api("DELETE", profiles+"/1", nil).is(200)
	v.api("DELETE", profiles+"/1", nil).refuses(404, "not_found", "")
}

func TestHostileOrigins(t *testing.T) {
	c := newCast(t)
	host := strings.TrimPrefix(c.base, "http://")
	var rows []hostile
	for _, headers := range []string{
		"Sec-Fetch-Site: same-site", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: SAME-ORIGIN", "Sec-Fetch-Site: x", "Sec-Fetch-Site: cross-site\nOrigin: " + c.base,
		"Origin: http://evil.example", "Origin: null", "Origin: http://" + host + ".evil.example", "Origin: http://localhost:1", "Origin: x",
		"Origin: http://evil.example\nX-Forwarded-Host: evil.example", "Origin: http://evil.example\nReferer: " + c.base,
	} {
		for _, act := range []hostile{
			{method: "POST", path: profiles, body: `{"name":"x"}`},
			{method: "PUT", path: profiles + "/1", body: `{"name":"x"}`},
			{method: "DELETE", path: profiles + "/1"},
			{method: "POST", path: "/access-profiles", body: "name=x"},
			{method: "POST", path: "/access-profiles/1/delete"},
			{method: "POST", path: "/logout"},
			{method: "POST", path: "/login", body: "email=a&password=b"},
		} {
			media := jsonBody
			if !strings.HasPrefix(act.path, "/api") {
				media = formBody
			}
			rows = append(rows, hostile{act.method, act.path, media + "\n" + headers, act.body, 403, "cross_origin_request", ""})
		}
	}
	attack(t, c, c.session.with("Sec-Fetch-Site", ""), rows)
	c.session.get("/access-profiles").is(200)
	for i, headers := range []string{"Sec-Fetch-Site: none", "Origin: " + c.base, "Origin: " + c.base + "\nSec-Fetch-Site: same-origin", ""} {
		name := string(rune('a' + i))
		c.session.with("Sec-Fetch-Site", "").headed(headers).api("POST", profiles, map[string]string{"name": name}).is(201)
	}
}

func TestMethodsAndRoutes(t *testing.T) {
	c := newCast(t)
	var rows []hostile
	for _, method := range []string{"PATCH", "TRACE", "OPTIONS", "PROPFIND", "get", "BREW"} {
		for _, path := range []string{profiles, profiles + "/1", profiles + "/1/activate", "/access-profiles", "/access-profiles/1", "/login", "/static/base.css"} {
			rows = append(rows, hostile{method, path, "", "", 405, "method_not_allowed", ""})
		}
	}
	for _, path := range []string{
		"/api/", "/api/x", "/api/access-profile", "/api/Access-Profiles", profiles + "/", profiles + "/1/", profiles + "//1", profiles + "/1/nope", profiles + "/1%2F2",
		"/nope", "/access-profiles/1/nope", "/access-profiles/",
	} {
		rows = append(rows, hostile{"GET", path, "", "", 404, "not_found", ""}, hostile{"DELETE", path, "", "", 404, "not_found", ""})
	}
	for _, path := range []string{"/activate", "/deactivate", "/clone"} {
		rows = append(rows, hostile{"GET", profiles + "/1" + path, "", "", 405, "method_not_allowed", ""})
	}
	for _, id := range []string{"x", "1.0", "0x1", "01", "%201", "1%20", "1%0A", "1;", "1'", "--", "99999999999999999999", "null", "1,2", "%31%00", "٣", "⁵"} {
		rows = append(rows, hostile{"GET", profiles + "/" + id, "", "", 400, "invalid_id", ""}, hostile{"DELETE", profiles + "/" + id, "", "", 400, "invalid_id", ""},
			hostile{"PUT", profiles + "/" + id + "/activate", "", "", 400, "invalid_id", ""}, hostile{"POST", profiles + "/" + id + "/clone", jsonBody, `{"name":"x"}`, 400, "invalid_id", ""})
	}
	for _, id := range []string{"0", "999", "9223372036854775807"} {
		rows = append(rows, hostile{"GET", profiles + "/" + id, "", "", 404, "not_found", ""}, hostile{"DELETE", profiles + "/" + id, "", "", 404, "not_found", ""},
			hostile{"PUT", profiles + "/" + id + "/activate", "", "", 404, "not_found", ""}, hostile{"POST", profiles + "/" + id + "/clone", jsonBody, `{"name":"x"}`, 404, "not_found", ""},
			hostile{"HEAD", profiles + "/" + id, "", "", 404, "", ""})
	}
	attack(t, c, c.admin, rows)
	for path, allow := range map[string]string{
		profiles: "GET, HEAD, POST", profiles + "/1": "DELETE, GET, HEAD, PUT", profiles + "/1/clone": "POST", "/access-profiles/1": "GET, HEAD, POST",
	} {
		if got := sortedList(c.admin.api("OPTIONS", path, nil).is(405).Header.Get("Allow")); got != allow {
			t.Errorf("%s allows %q, want %q", path, got, allow)
		}
	}
	for _, path := range []string{profiles, profiles + "/1"} {
		get, head := c.admin.get(path).is(200), c.admin.send("HEAD", path, "", nil).is(200)
		if len(head.body) != 0 || head.Header.Get("ETag") != get.Header.Get("ETag") || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %v, GET has %v", path, head.Header, get.Header)
		}
	}
	for _, path := range []string{"/", "/login", "/access-profiles", "/static/base.css", "/healthz", "/readyz", profiles, profiles + "/1"} {
		c.admin.get(path).guarded(path)
		c.session.get(path).guarded(path)
	}
}
