package web_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestCredentials(t *testing.T) {
	c := webtest.NewCast(t)
	bearer := c.Admin.Header.Get("Authorization")
	c.Exec("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = (SELECT max(id) FROM api_keys)")
	expired := c.Viewer.Header.Get("Authorization")
	var rows []webtest.Hostile
	for _, header := range []string{
		"", "Authorization: ", "Authorization: Bearer", "Authorization: Bearer ", "Authorization: Token x", "Authorization: Digest x", "Authorization: Basic",
		"Authorization: Basic !!!", "Authorization: Basic YWRtaW4=", "Authorization: " + strings.Replace(bearer, "Bearer ", "", 1),
		"Authorization: " + bearer[:len(bearer)-1], "Authorization: " + bearer + "x", "Authorization: " + bearer + " x", "Authorization: " + bearer + "," + bearer,
		"Authorization: " + strings.ToUpper(bearer), "Authorization: " + expired, "Authorization: Bearer é", "Authorization: Bearer sk-bf-x",
		"Authorization: Bearer " + strings.Repeat("a", 20_000), "Authorization: " + bearer + "\nAuthorization: " + bearer,
		"Cookie: session=x", "Cookie: session=" + strings.Repeat("a", 5000), "Cookie: __Host-" + strings.Join(c.Session.Header["Cookie"], ""),
		strings.Replace("Cookie: "+c.Session.Header.Get("Cookie"), "session=", "Session=", 1),
		"Authorization: Bearer x\nCookie: " + c.Session.Header.Get("Cookie"), "X-Api-Key: " + bearer, "Proxy-Authorization: " + bearer,
	} {
		rows = append(rows, webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: header + "\n" + webtest.JSONBody, Body: `{"name":"x"}`, Status: 401, Code: "unauthenticated", Param: ""},
			webtest.Hostile{Method: "GET", Path: webtest.Profiles + "/1", Headers: header, Body: "", Status: 401, Code: "unauthenticated", Param: ""})
	}
	rows = append(rows, webtest.Hostile{Method: "POST", Path: webtest.Profiles + "?access_token=" + strings.TrimPrefix(bearer, "Bearer "), Headers: webtest.JSONBody, Body: `{"name":"x"}`, Status: 401, Code: "unauthenticated", Param: ""})
	webtest.Attack(t, c, c.Anonymous(), rows)
	for _, good := range []string{"bearer ", "BEARER ", "Bearer   "} {
		c.Anonymous().With("Authorization", good+strings.TrimPrefix(bearer, "Bearer ")).API("GET", webtest.Profiles, nil).Is(200)
	}
}

func TestMediaAndSize(t *testing.T) {
	c := webtest.NewCast(t)
	var rows []webtest.Hostile
	for _, media := range []string{
		"", "text/plain", "text/json", "application/json, text/plain", "application/jsonp", "application/vnd.api+json", "multipart/form-data; boundary=x", "application/xml",
		"application/toml", "*/*", "json", "application/json; charset=utf-8; charset=utf-16", "application/json;charset", "application/json\n" + webtest.JSONBody,
	} {
		rows = append(rows, webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: "Content-Type: " + media, Body: `{"name":"x"}`, Status: 415, Code: "unsupported_media_type", Param: ""})
	}
	for _, charset := range []string{`""`, "latin1", "utf-7", "utf8", `"utf-8 "`, "us-ascii", "UTF-16LE"} {
		rows = append(rows, webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: webtest.JSONBody + "; charset=" + charset, Body: `{"name":"x"}`, Status: 415, Code: "unsupported_charset", Param: ""})
	}
	for _, coding := range []string{"br", "deflate", "zstd", "GZIP", "identity", "gzip, gzip", "x", "\nContent-Encoding: gzip"} {
		rows = append(rows, webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: webtest.JSONBody + "\nContent-Encoding: " + coding, Body: `{"name":"x"}`, Status: 415, Code: "unsupported_content_encoding", Param: ""})
	}
	const large = 1<<20 + 1
	rows = append(rows,
		webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: webtest.JSONBody, Body: strings.Repeat(" ", large-12) + `{"name":"x"}`, Status: 413, Code: "body_too_large", Param: ""},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/999", Headers: webtest.JSONBody, Body: strings.Repeat("x", large), Status: 413, Code: "body_too_large", Param: ""},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/x", Headers: "Content-Type: text/plain", Body: strings.Repeat("x", large), Status: 415, Code: "unsupported_media_type", Param: ""},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/x", Headers: "Content-Type: text/plain", Body: `{}`, Status: 415, Code: "unsupported_media_type", Param: ""},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/999", Headers: "Content-Type: text/plain", Body: `{}`, Status: 415, Code: "unsupported_media_type", Param: ""},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/1", Headers: "Content-Type: text/plain\nIf-Match: 1", Body: `{}`, Status: 415, Code: "unsupported_media_type", Param: ""},
		webtest.Hostile{Method: "DELETE", Path: webtest.Profiles + "/1", Headers: "Content-Type: text/plain", Body: `x`, Status: 415, Code: "unsupported_media_type", Param: ""},
		webtest.Hostile{Method: "DELETE", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody, Body: `{"force":true}`, Status: 400, Code: "unknown_field", Param: "force"},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/1/activate", Headers: webtest.JSONBody, Body: `{"is_active":false}`, Status: 400, Code: "unknown_field", Param: "is_active"},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/1/deactivate", Headers: webtest.FormBody, Body: `x=1`, Status: 415, Code: "unsupported_media_type", Param: ""},
		webtest.Hostile{Method: "PUT", Path: webtest.Profiles + "/1/deactivate", Headers: webtest.JSONBody, Body: `{`, Status: 400, Code: "invalid_json", Param: ""},
		webtest.Hostile{Method: "POST", Path: webtest.Profiles + "/1/clone", Headers: "", Body: ``, Status: 400, Code: "empty_body", Param: ""},
		webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: "", Body: ``, Status: 400, Code: "empty_body", Param: ""},
		webtest.Hostile{Method: "POST", Path: webtest.Profiles, Headers: webtest.JSONBody, Body: ``, Status: 400, Code: "empty_body", Param: ""},
	)
	webtest.Attack(t, c, c.Admin, rows)
	webtest.Attack(t, c, c.Session, []webtest.Hostile{
		{Method: "POST", Path: "/access-profiles", Headers: webtest.JSONBody, Body: `{"name":"x"}`, Status: 415, Code: "unsupported_media_type", Param: ""},
		{Method: "POST", Path: "/access-profiles", Headers: "Content-Type: text/plain", Body: `name=x`, Status: 415, Code: "unsupported_media_type", Param: ""},
		{Method: "POST", Path: "/access-profiles", Headers: webtest.FormBody + "; charset=iso-8859-1", Body: `name=x`, Status: 415, Code: "unsupported_charset", Param: ""},
		{Method: "POST", Path: "/access-profiles", Headers: webtest.FormBody + "\nContent-Encoding: gzip", Body: `name=x`, Status: 415, Code: "unsupported_content_encoding", Param: ""},
		{Method: "POST", Path: "/access-profiles", Headers: webtest.FormBody, Body: "name=" + strings.Repeat("x", 1<<20), Status: 413, Code: "body_too_large", Param: ""},
		{Method: "POST", Path: "/access-profiles/999", Headers: webtest.FormBody, Body: "name=" + strings.Repeat("x", 1<<20), Status: 413, Code: "body_too_large", Param: ""},
		{Method: "POST", Path: "/access-profiles", Headers: "", Body: ``, Status: 422, Code: "required", Param: "name"},
		{Method: "POST", Path: "/access-profiles", Headers: webtest.FormBody, Body: ``, Status: 422, Code: "required", Param: "name"},
	})
	for i, media := range []string{"application/JSON", "application/json;charset=UTF-8", `application/json; charset="utf-8"`, "application/json ; version=2"} {
		c.Admin.Send("POST", webtest.Profiles, media, strings.NewReader(fmt.Sprintf(`{"name":"x%d"}`, i))).Is(201)
	}
	c.Admin.Send("POST", webtest.Profiles, "application/json", strings.NewReader(strings.Repeat(" ", 1<<20-15)+`{"name":"full"}`)).Is(201)
	c.Admin.Send("PUT", webtest.Profiles+"/1/deactivate", "application/json", io.MultiReader(strings.NewReader(""))).Is(200) // chunked, with an empty body
	c.Admin.API("PUT", webtest.Profiles+"/1/activate", `{}`).Is(200)
}

// A body that ends before its length is no body, even if the part received could be parsed.
func TestHalfABody(t *testing.T) {
	c := webtest.NewCast(t)
	before := c.Fingerprint()
	head := func(more string) string {
		return "POST /api/access-profiles HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: " +
			c.Admin.Header.Get("Authorization") + "\r\n" + more + "\r\n\r\n"
	}
	for text, want := range map[string]string{
		head("Content-Length: 100") + `{"name":"half"}`:                               "400 Bad Request",
		head("Transfer-Encoding: chunked") + "f\r\n{\"name\":\"half\"}\r\n":           "400 Bad Request",
		head("Transfer-Encoding: chunked") + "zz\r\n{\"name\":\"half\"}\r\n0\r\n\r\n": "400 Bad Request",
		head("Content-Length: 15\r\nContent-Length: 16") + `{"name":"half"} `:         "400 Bad Request",
		head("Content-Length: -1") + `{"name":"half"}`:                                "400 Bad Request",
		head("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n":                        "501 Not Implemented",
		head("Host: evil.example\r\nContent-Length: 15") + `{"name":"half"}`:          "400 Bad Request",
	} {
		if got := c.Raw(text); len(got) != 1 || got[0] != want {
			t.Errorf("%q is answered %q, want %q", text, got, want)
		}
	}
	if c.Fingerprint() != before {
		t.Error("a refused request changed something")
	}
	if got := c.Raw(strings.Replace(head("Content-Length: 12"), "POST /api", "POST http://evil.example/api", 1) + `{"name":"x"}`); len(got) != 1 || got[0] != "421 Misdirected Request" {
		t.Errorf("an absolute target elsewhere is answered %q", got)
	}
}
