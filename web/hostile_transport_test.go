package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// hostile is a request with the headers named, and how it must be answered.
type hostile struct {
	method, path string
	headers      string // lines; an empty one means none
	body         string
	status       int
	code, param  string
}

// headed is the client with further headers, one a line; a repeated line is sent repeatedly.
func (v client) headed(lines string) client {
	v.header = v.header.Clone()
	for line := range strings.Lines(lines) {
		if name, value, named := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); named {
			v.header.Add(name, value)
		}
	}
	return v
}

// prefixes is the path under each of its prefixes.
func prefixes(path string) []string {
	if rest, ok := strings.CutPrefix(path, "/api/"); ok {
		return []string{path, "/api/governance/" + rest}
	}
	return []string{path}
}

// attack sends each request under each prefix, checks the refusal and its headers, and that nothing changed.
func attack(t *testing.T, c cast, v client, rows []hostile) {
	t.Helper()
	before := c.fingerprint()
	for _, row := range rows {
		for _, path := range prefixes(row.path) {
			a := v.headed(row.headers).send(row.method, path, "", strings.NewReader(row.body))
			name := fmt.Sprintf("%s %s %q %.40s", row.method, path, row.headers, row.body)
			if a.StatusCode != row.status {
				t.Errorf("%s: status %d, want %d\n%.200s", name, a.StatusCode, row.status, a.body)
				continue
			}
			if code, param := a.fault(); code != row.code || param != row.param {
				t.Errorf("%s: %q at %q, want %q at %q", name, code, param, row.code, row.param)
			}
			a.guarded(name)
		}
	}
	if c.fingerprint() != before {
		t.Error("a refused request changed something")
	}
}

// fault is the code and the field of a refusal, as JSON or on a page.
func (a answer) fault() (code, param string) {
	if len(a.body) > 0 && strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		problem, _ := a.json()["error"].(map[string]any)
		code, _ = problem["code"].(string)
		param, _ = problem["param"].(string)
		return code, param
	}
	if main := a.all("main"); len(main) == 1 {
		return attribute(main[0], "data-error-code"), attribute(main[0], "data-param")
	}
	return "", ""
}

// guarded checks the headers that every answer has, and those that belong to its status.
func (a answer) guarded(name string) {
	a.t.Helper()
	for header, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if a.Header.Get(header) != want {
			a.t.Errorf("%s: %s is %q", name, header, a.Header.Get(header))
		}
	}
	if !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") || a.Header.Get("X-Request-ID") == "" {
		a.t.Errorf("%s: headers are %v", name, a.Header)
	}
	challenges := strings.Join(a.Header.Values("WWW-Authenticate"), " ")
	if api := strings.HasPrefix(a.Request.URL.Path, "/api/"); (api && a.StatusCode == 401) != (strings.Contains(challenges, "Bearer") && strings.Contains(challenges, "Basic")) {
		a.t.Errorf("%s: status %d with WWW-Authenticate %q", name, a.StatusCode, challenges)
	}
	if a.StatusCode == 405 && a.Header.Get("Allow") == "" {
		a.t.Errorf("%s: status %d with Allow %q", name, a.StatusCode, a.Header.Get("Allow"))
	}
	if (a.StatusCode == 429 || a.StatusCode == 503) != (a.Header.Get("Retry-After") != "") {
		a.t.Errorf("%s: status %d with Retry-After %q", name, a.StatusCode, a.Header.Get("Retry-After"))
	}
}

const (
	jsonBody = "Content-Type: application/json"
	formBody = "Content-Type: application/x-www-form-urlencoded"
	profiles = "/api/access-profiles"
)

func TestCredentials(t *testing.T) {
	c := newCast(t)
	bearer := c.admin.header.Get("Authorization")
	c.exec("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = (SELECT max(id) FROM api_keys)")
	expired := c.viewer.header.Get("Authorization")
	var rows []hostile
	for _, header := range []string{
		"", "Authorization: ", "Authorization: Bearer", "Authorization: Bearer ", "Authorization: Token x", "Authorization: Digest x", "Authorization: Basic",
		"Authorization: Basic !!!", "Authorization: Basic YWRtaW4=", "Authorization: " + strings.Replace(bearer, "Bearer ", "", 1),
		"Authorization: " + bearer[:len(bearer)-1], "Authorization: " + bearer + "x", "Authorization: " + bearer + " x", "Authorization: " + bearer + "," + bearer,
		"Authorization: " + strings.ToUpper(bearer), "Authorization: " + expired, "Authorization: Bearer é", "Authorization: Bearer sk-bf-x",
		"Authorization: Bearer " + strings.Repeat("a", 20_000), "Authorization: " + bearer + "\nAuthorization: " + bearer,
		"Cookie: session=x", "Cookie: session=" + strings.Repeat("a", 5000), "Cookie: __Host-" + strings.Join(c.session.header["Cookie"], ""),
		strings.Replace("Cookie: "+c.session.header.Get("Cookie"), "session=", "Session=", 1),
		"Authorization: Bearer x\nCookie: " + c.session.header.Get("Cookie"), "X-Api-Key: " + bearer, "Proxy-Authorization: " + bearer,
	} {
		rows = append(rows, hostile{"POST", profiles, header + "\n" + jsonBody, `{"name":"x"}`, 401, "unauthenticated", ""},
			hostile{"GET", profiles + "/1", header, "", 401, "unauthenticated", ""})
	}
	rows = append(rows, hostile{"POST", profiles + "?access_token=" + strings.TrimPrefix(bearer, "Bearer "), jsonBody, `{"name":"x"}`, 401, "unauthenticated", ""})
	attack(t, c, c.anonymous(), rows)
	for _, good := range []string{"bearer ", "BEARER ", "Bearer   "} {
		c.anonymous().with("Authorization", good+strings.TrimPrefix(bearer, "Bearer ")).api("GET", profiles, nil).is(200)
	}
}

func TestMediaAndSize(t *testing.T) {
	c := newCast(t)
	var rows []hostile
	for _, media := range []string{
		"", "text/plain", "text/json", "application/json, text/plain", "application/jsonp", "application/vnd.api+json", "multipart/form-data; boundary=x", "application/xml",
		"application/toml", "*/*", "json", "application/json; charset=utf-8; charset=utf-16", "application/json;charset", "application/json\n" + jsonBody,
	} {
		rows = append(rows, hostile{"POST", profiles, "Content-Type: " + media, `{"name":"x"}`, 415, "unsupported_media_type", ""})
	}
	for _, charset := range []string{`""`, "latin1", "utf-7", "utf8", `"utf-8 "`, "us-ascii", "UTF-16LE"} {
		rows = append(rows, hostile{"POST", profiles, jsonBody + "; charset=" + charset, `{"name":"x"}`, 415, "unsupported_charset", ""})
	}
	for _, coding := range []string{"br", "deflate", "zstd", "GZIP", "identity", "gzip, gzip", "x", "\nContent-Encoding: gzip"} {
		rows = append(rows, hostile{"POST", profiles, jsonBody + "\nContent-Encoding: " + coding, `{"name":"x"}`, 415, "unsupported_content_encoding", ""})
	}
	const large = 1<<20 + 1
	rows = append(rows,
		hostile{"POST", profiles, jsonBody, strings.Repeat(" ", large-12) + `{"name":"x"}`, 413, "body_too_large", ""},
		hostile{"PUT", profiles + "/999", jsonBody, strings.Repeat("x", large), 413, "body_too_large", ""},
		hostile{"PUT", profiles + "/x", "Content-Type: text/plain", strings.Repeat("x", large), 415, "unsupported_media_type", ""},
		hostile{"PUT", profiles + "/x", "Content-Type: text/plain", `{}`, 415, "unsupported_media_type", ""},
		hostile{"PUT", profiles + "/999", "Content-Type: text/plain", `{}`, 415, "unsupported_media_type", ""},
		hostile{"PUT", profiles + "/1", "Content-Type: text/plain\nIf-Match: 1", `{}`, 415, "unsupported_media_type", ""},
		hostile{"DELETE", profiles + "/1", "Content-Type: text/plain", `x`, 415, "unsupported_media_type", ""},
		hostile{"DELETE", profiles + "/1", jsonBody, `{"force":true}`, 400, "unknown_field", "force"},
		hostile{"PUT", profiles + "/1/activate", jsonBody, `{"is_active":false}`, 400, "unknown_field", "is_active"},
		hostile{"PUT", profiles + "/1/deactivate", formBody, `x=1`, 415, "unsupported_media_type", ""},
		hostile{"PUT", profiles + "/1/deactivate", jsonBody, `{`, 400, "invalid_json", ""},
		hostile{"POST", profiles + "/1/clone", "", ``, 400, "empty_body", ""},
		hostile{"POST", profiles, "", ``, 400, "empty_body", ""},
		hostile{"POST", profiles, jsonBody, ``, 400, "empty_body", ""},
	)
	attack(t, c, c.admin, rows)
	attack(t, c, c.session, []hostile{
		{"POST", "/access-profiles", jsonBody, `{"name":"x"}`, 415, "unsupported_media_type", ""},
		{"POST", "/access-profiles", "Content-Type: text/plain", `name=x`, 415, "unsupported_media_type", ""},
		{"POST", "/access-profiles", formBody + "; charset=iso-8859-1", `name=x`, 415, "unsupported_charset", ""},
		{"POST", "/access-profiles", formBody + "\nContent-Encoding: gzip", `name=x`, 415, "unsupported_content_encoding", ""},
		{"POST", "/access-profiles", formBody, "name=" + strings.Repeat("x", 1<<20), 413, "body_too_large", ""},
		{"POST", "/access-profiles/999", formBody, "name=" + strings.Repeat("x", 1<<20), 413, "body_too_large", ""},
		{"POST", "/access-profiles", "", ``, 422, "required", "name"},
		{"POST", "/access-profiles", formBody, ``, 422, "required", "name"},
	})
	for i, media := range []string{"application/JSON", "application/json;charset=UTF-8", `application/json; charset="utf-8"`, "application/json ; version=2"} {
		c.admin.send("POST", profiles, media, strings.NewReader(fmt.Sprintf(`{"name":"x%d"}`, i))).is(201)
	}
	c.admin.send("POST", profiles, "application/json", strings.NewReader(strings.Repeat(" ", 1<<20-15)+`{"name":"full"}`)).is(201)
	c.admin.send("PUT", profiles+"/1/deactivate", "application/json", io.MultiReader(strings.NewReader(""))).is(200) // chunked, with an empty body
	c.admin.api("PUT", profiles+"/1/activate", `{}`).is(200)
}

// raw sends bytes over a connection of their own and returns all status lines of the answers.
func (c *console) raw(text string) (lines []string) {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	c.must(err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	c.must(err)
	c.must(conn.(*net.TCPConn).CloseWrite())
	for read := bufio.NewScanner(conn); read.Scan(); {
		if strings.HasPrefix(read.Text(), "HTTP/1.1 ") {
			lines = append(lines, strings.TrimPrefix(read.Text(), "HTTP/1.1 "))
		}
	}
	return lines
}

// A body that ends before its length is no body, even if the part received could be parsed.
func TestHalfABody(t *testing.T) {
	c := newCast(t)
	before := c.fingerprint()
	head := func(more string) string {
		return "POST /api/access-profiles HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: " +
			c.admin.header.Get("Authorization") + "\r\n" + more + "\r\n\r\n"
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
		if got := c.raw(text); len(got) != 1 || got[0] != want {
			t.Errorf("%q is answered %q, want %q", text, got, want)
		}
	}
	if c.fingerprint() != before {
		t.Error("a refused request changed something")
	}
	if got := c.raw(strings.Replace(head("Content-Length: 12"), "POST /api", "POST http://evil.example/api", 1) + `{"name":"x"}`); len(got) != 1 || got[0] != "421 Misdirected Request" {
		t.Errorf("an absolute target elsewhere is answered %q", got)
	}
}

func sortedList(header string) string {
	words := strings.Split(header, ", ")
	slices.Sort(words)
	return strings.Join(words, ", ")
}
