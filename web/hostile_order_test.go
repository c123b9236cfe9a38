package web_test

import (
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Each request is wrong in every way from one step of the order on; the first step that refuses must be the one that
// answers.
func TestOrderOfRefusals(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("PUT", webtest.Profiles+"/1", `{"tags":["second"]}`).Is(200)
	admin, viewer := "Authorization: "+c.Admin.Header.Get("Authorization"), "Authorization: "+c.Viewer.Header.Get("Authorization")
	const away, cross, plain, stale = "Host: evil.example\n", "Sec-Fetch-Site: cross-site\n", "Content-Type: text/plain\n", "If-Match: \"1\"\n"
	large := strings.Repeat("x", 1<<20+1)
	const broken, invalid, taken = `{"name":`, `{"name":"","tags":null}`, `{"name":"CAFÉ"}`
	webtest.Attack(t, c, c.Anonymous(), []webtest.Hostile{
		{Method: "POST", Path: "/api/nowhere", Headers: away + cross + plain, Body: large, Status: 421, Code: "unknown_host", Param: ""},
		{Method: "PATCH", Path: webtest.Profiles + "/x", Headers: away + cross, Body: "", Status: 421, Code: "unknown_host", Param: ""},
		{Method: "GET", Path: "/", Headers: away, Body: "", Status: 421, Code: "unknown_host", Param: ""},
		{Method: "GET", Path: "/static/base.css", Headers: away, Body: "", Status: 421, Code: "unknown_host", Param: ""},
		{Method: "POST", Path: "/api/nowhere", Headers: cross + plain, Body: large, Status: 404, Code: "not_found", Param: ""},
		{Method: "POST", Path: webtest.Profiles + "/x", Headers: cross + plain, Body: large, Status: 405, Code: "method_not_allowed", Param: ""},
		{Method: "POST", Path: webtest.Profiles, Headers: cross + plain, Body: large, Status: 403, Code: "cross_origin_request", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/x", Headers: cross + plain + viewer, Body: large, Status: 403, Code: "cross_origin_request", Param: ""},
		{Method: "POST", Path: webtest.Profiles, Headers: plain, Body: "x", Status: 401, Code: "unauthenticated", Param: ""},
		{Method: "DELETE", Path: webtest.Profiles + "/x", Headers: stale, Body: "", Status: 401, Code: "unauthenticated", Param: ""},
		{Method: "POST", Path: webtest.Profiles, Headers: plain + viewer, Body: "x", Status: 403, Code: "forbidden", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/x", Headers: plain + viewer + "\nIf-Match: x", Body: "x", Status: 403, Code: "forbidden", Param: ""},
		{Method: "DELETE", Path: webtest.Profiles + "/999", Headers: viewer, Body: "", Status: 403, Code: "forbidden", Param: ""},
		{Method: "POST", Path: webtest.Profiles, Headers: plain + admin, Body: large, Status: 415, Code: "unsupported_media_type", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/x", Headers: webtest.JSONBody + "\n" + admin, Body: large, Status: 413, Code: "body_too_large", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/999", Headers: webtest.JSONBody + "\n" + stale + admin, Body: broken, Status: 400, Code: "invalid_json", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/999", Headers: webtest.JSONBody + "\n" + admin + "\nIf-Match: x", Body: invalid, Status: 400, Code: "invalid_if_match", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/999", Headers: webtest.JSONBody + "\n" + stale + admin, Body: `{"nope":1}`, Status: 400, Code: "unknown_field", Param: "nope"},
		{Method: "PUT", Path: webtest.Profiles + "/999", Headers: webtest.JSONBody + "\n" + stale + admin, Body: invalid, Status: 404, Code: "not_found", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\n" + stale + admin, Body: broken, Status: 400, Code: "invalid_json", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\n" + stale + admin, Body: invalid, Status: 412, Code: "version_mismatch", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\n" + stale + admin, Body: taken, Status: 412, Code: "version_mismatch", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\nIf-Match: \"2\"\n" + admin, Body: `{"name":"CAFÉ","tags":null}`, Status: 400, Code: "null_not_allowed", Param: "tags"},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\nIf-Match: \"2\"\n" + admin, Body: taken, Status: 409, Code: "name_taken", Param: "name"},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\nIf-Match: *\n" + admin, Body: taken, Status: 409, Code: "name_taken", Param: "name"},
		{Method: "PUT", Path: webtest.Profiles + "/999", Headers: webtest.JSONBody + "\nIf-Match: *\n" + admin, Body: taken, Status: 404, Code: "not_found", Param: ""},
		{Method: "POST", Path: webtest.Profiles + "/999/clone", Headers: webtest.JSONBody + "\n" + admin, Body: broken, Status: 400, Code: "invalid_json", Param: ""},
		{Method: "POST", Path: webtest.Profiles + "/999/clone", Headers: webtest.JSONBody + "\n" + admin, Body: `{"name":""}`, Status: 404, Code: "not_found", Param: ""},
		{Method: "POST", Path: webtest.Profiles + "/1/clone", Headers: webtest.JSONBody + "\n" + admin, Body: `{"name":"","description":1}`, Status: 400, Code: "required", Param: "name"},
		{Method: "POST", Path: webtest.Profiles + "/1/clone", Headers: webtest.JSONBody + "\n" + admin, Body: `{"name":"x","tags":[]}`, Status: 400, Code: "unknown_field", Param: "tags"},
		{Method: "POST", Path: webtest.Profiles + "/1/clone", Headers: webtest.JSONBody + "\n" + admin, Body: `{}`, Status: 400, Code: "required", Param: "name"},
		{Method: "POST", Path: webtest.Profiles + "/1/clone", Headers: webtest.JSONBody + "\n" + admin, Body: taken, Status: 409, Code: "name_taken", Param: "name"},
		{Method: "POST", Path: webtest.Profiles + "/1/clone", Headers: webtest.JSONBody + "\n" + admin, Body: `{"name":"engineering"}`, Status: 409, Code: "name_taken", Param: "name"},
		{Method: "DELETE", Path: webtest.Profiles + "/1", Headers: stale + admin, Body: "", Status: 412, Code: "version_mismatch", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/1/activate", Headers: stale + admin, Body: "", Status: 412, Code: "version_mismatch", Param: ""},
		{Method: "PUT", Path: webtest.Profiles + "/1/deactivate", Headers: stale + admin, Body: "", Status: 412, Code: "version_mismatch", Param: ""},
	})
}

func TestIfMatch(t *testing.T) {
	c := webtest.NewCast(t)
	var rows []webtest.Hostile
	for _, tag := range []string{
		`"1`, `1"`, `""`, `"01"`, `"-1"`, `"+1"`, `"1.0"`, `"1e0"`, `" 1"`, `'1'`, `"1", "2"`, `"1","1"`, `*, "1"`, `"*"`, `**`, `w/"1"`, `W/"*"`, `"x"`,
		`"9223372036854775808"`, "", "\"1\"\nIf-Match: \"1\"", "*\nIf-Match: *", "\"１\"",
	} {
		for _, act := range []webtest.Hostile{{Method: "PUT", Path: webtest.Profiles + "/1", Body: `{}`}, {Method: "DELETE", Path: webtest.Profiles + "/1"}, {Method: "PUT", Path: webtest.Profiles + "/1/deactivate"}} {
			rows = append(rows, webtest.Hostile{Method: act.Method, Path: act.Path, Headers: webtest.JSONBody + "\nIf-Match: " + tag, Body: act.Body, Status: 400, Code: "invalid_if_match", Param: ""})
		}
	}
	for _, tag := range []string{`"0"`, `"2"`, `"9223372036854775807"`} {
		rows = append(rows, webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody + "\nIf-Match: " + tag, Body: `{}`, Status: 412, Code: "version_mismatch", Param: ""},
			webtest.Hostile{Method: "DELETE", Path: webtest.Profiles + "/1", Headers: "If-Match: " + tag, Body: "", Status: 412, Code: "version_mismatch", Param: ""},
			webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/1/deactivate", Headers: "If-Match: " + tag, Body: "", Status: 412, Code: "version_mismatch", Param: ""})
	}
	webtest.Attack(t, c, c.Admin, rows)
	v := c.Admin.With("If-Match", "*")
	for _, act := range []struct{ method, path, body, etag string }{
		{"PUT", "/1", `{}`, `"1"`}, {"PUT", "/1/activate", ``, `"1"`}, {"PUT", "/1/deactivate", ``, `"2"`}, {"PUT", "/1/deactivate", `{}`, `"2"`},
	} {
		a := v.Send(act.method, webtest.Profiles+act.path, "application/json", strings.NewReader(act.body)).Is(200)
		if a.Header.Get("ETag") != act.etag {
			t.Errorf("%s %s: ETag %s, want %s", act.method, act.path, a.Header.Get("ETag"), act.etag)
		}
	}
	v.API("DELETE", webtest.Profiles+"/1", nil).Is(200)
	v.API("DELETE", webtest.Profiles+"/1", nil).Refuses(404, "not_found", "")
}

func TestHostileOrigins(t *testing.T) {
	c := webtest.NewCast(t)
	host := strings.TrimPrefix(c.Base, "http://")
	var rows []webtest.Hostile
	for _, headers := range []string{
		"Sec-Fetch-Site: same-site", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: SAME-ORIGIN", "Sec-Fetch-Site: x", "Sec-Fetch-Site: cross-site\nOrigin: " + c.Base,
		"Origin: http://evil.example", "Origin: null", "Origin: http://" + host + ".evil.example", "Origin: http://localhost:1", "Origin: x",
		"Origin: http://evil.example\nX-Forwarded-Host: evil.example", "Origin: http://evil.example\nReferer: " + c.Base,
	} {
		for _, act := range []webtest.Hostile{
			{Method: "POST", Path: webtest.Profiles, Body: `{"name":"x"}`},
			{Method: "PUT", Path: webtest.Profiles + "/1", Body: `{"name":"x"}`},
			{Method: "DELETE", Path: webtest.Profiles + "/1"},
			{Method: "POST", Path: "/access-profiles", Body: "name=x"},
			{Method: "POST", Path: "/access-profiles/1/delete"},
			{Method: "POST", Path: "/logout"},
			{Method: "POST", Path: "/login", Body: "email=a&password=b"},
		} {
			media := webtest.JSONBody
			if !strings.HasPrefix(act.Path, "/api") {
				media = webtest.FormBody
			}
			rows = append(rows, webtest.Hostile{Method: act.Method, Path: act.Path, Headers: media + "\n" + headers, Body: act.Body, Status: 403, Code: "cross_origin_request", Param: ""})
		}
	}
	webtest.Attack(t, c, c.Session.With("Sec-Fetch-Site", ""), rows)
	c.Session.Get("/access-profiles").Is(200)
	for i, headers := range []string{"Sec-Fetch-Site: none", "Origin: " + c.Base, "Origin: " + c.Base + "\nSec-Fetch-Site: same-origin", ""} {
		name := string(rune('a' + i))
		c.Session.With("Sec-Fetch-Site", "").Headed(headers).API("POST", webtest.Profiles, map[string]string{"name": name}).Is(201)
	}
}

func TestMethodsAndRoutes(t *testing.T) {
	c := webtest.NewCast(t)
	var rows []webtest.Hostile
	for _, method := range []string{"PATCH", "TRACE", "OPTIONS", "PROPFIND", "get", "BREW"} {
		for _, path := range []string{webtest.Profiles, webtest.Profiles + "/1", webtest.Profiles + "/1/activate", "/access-profiles", "/access-profiles/1", "/login", "/static/base.css"} {
			rows = append(rows, webtest.Hostile{Method: method, Path: path, Headers: "", Body: "", Status: 405, Code: "method_not_allowed", Param: ""})
		}
	}
	for _, path := range []string{
		"/api/", "/api/x", "/api/access-profile", "/api/Access-Profiles", webtest.Profiles + "/", webtest.Profiles + "/1/", webtest.Profiles + "//1", webtest.Profiles + "/1/nope", webtest.Profiles + "/1%2F2",
		"/nope", "/access-profiles/1/nope", "/access-profiles/",
	} {
		rows = append(rows, webtest.Hostile{Method: "GET", Path: path, Headers: "", Body: "", Status: 404, Code: "not_found", Param: ""}, webtest.Hostile{Method: "DELETE", Path: path, Headers: "", Body: "", Status: 404, Code: "not_found", Param: ""})
	}
	for _, path := range []string{"/activate", "/deactivate", "/clone"} {
		rows = append(rows, webtest.Hostile{Method: "GET", Path: webtest.Profiles + "/1" + path, Headers: "", Body: "", Status: 405, Code: "method_not_allowed", Param: ""})
	}
	for _, id := range []string{"x", "1.0", "0x1", "01", "%201", "1%20", "1%0A", "1;", "1'", "--", "99999999999999999999", "null", "1,2", "%31%00", "٣", "⁵"} {
		rows = append(rows, webtest.Hostile{Method: "GET", Path: webtest.Profiles + "/" + id, Headers: "", Body: "", Status: 400, Code: "invalid_id", Param: ""}, webtest.Hostile{Method: "DELETE", Path: webtest.Profiles + "/" + id, Headers: "", Body: "", Status: 400, Code: "invalid_id", Param: ""},
			webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/" + id + "/activate", Headers: "", Body: "", Status: 400, Code: "invalid_id", Param: ""}, webtest.Hostile{Method: "POST", Path: webtest.Profiles + "/" + id + "/clone", Headers: webtest.JSONBody, Body: `{"name":"x"}`, Status: 400, Code: "invalid_id", Param: ""})
	}
	for _, id := range []string{"0", "999", "9223372036854775807"} {
		rows = append(rows, webtest.Hostile{Method: "GET", Path: webtest.Profiles + "/" + id, Headers: "", Body: "", Status: 404, Code: "not_found", Param: ""}, webtest.Hostile{Method: "DELETE", Path: webtest.Profiles + "/" + id, Headers: "", Body: "", Status: 404, Code: "not_found", Param: ""},
			webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/" + id + "/activate", Headers: "", Body: "", Status: 404, Code: "not_found", Param: ""}, webtest.Hostile{Method: "POST", Path: webtest.Profiles + "/" + id + "/clone", Headers: webtest.JSONBody, Body: `{"name":"x"}`, Status: 404, Code: "not_found", Param: ""},
			webtest.Hostile{Method: "HEAD", Path: webtest.Profiles + "/" + id, Headers: "", Body: "", Status: 404, Code: "", Param: ""})
	}
	webtest.Attack(t, c, c.Admin, rows)
	for path, allow := range map[string]string{
		webtest.Profiles: "GET, HEAD, POST", webtest.Profiles + "/1": "DELETE, GET, HEAD, PUT", webtest.Profiles + "/1/clone": "POST", "/access-profiles/1": "GET, HEAD, POST",
	} {
		if got := webtest.SortedList(c.Admin.API("OPTIONS", path, nil).Is(405).Header.Get("Allow")); got != allow {
			t.Errorf("%s allows %q, want %q", path, got, allow)
		}
	}
	for _, path := range []string{webtest.Profiles, webtest.Profiles + "/1"} {
		get, head := c.Admin.Get(path).Is(200), c.Admin.Send("HEAD", path, "", nil).Is(200)
		if len(head.Body) != 0 || head.Header.Get("ETag") != get.Header.Get("ETag") || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %v, GET has %v", path, head.Header, get.Header)
		}
	}
	for _, path := range []string{"/", "/login", "/access-profiles", "/static/base.css", "/healthz", "/readyz", webtest.Profiles, webtest.Profiles + "/1"} {
		c.Admin.Get(path).Guarded(path)
		c.Session.Get(path).Guarded(path)
	}
}
