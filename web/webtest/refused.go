package webtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// RefuseAll sends each body to both prefixes, as a create and as an update, which must refuse it alike and change
// nothing.
func RefuseAll(t *testing.T, rows []RefusedBody) {
	t.Helper()
	c := NewCast(t)
	before := c.Fingerprint()
	for _, row := range rows {
		for _, path := range []string{"/api/access-profiles", "/api/governance/access-profiles"} {
			for _, a := range []Answer{c.Admin.API("POST", path, row.Body), c.Admin.API("PUT", path+"/1", row.Body)} {
				if a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s %s %.90s: status %d, want 400\n%.200s", a.Request.Method, path, row.Body, a.StatusCode, a.Body)
				} else if got := a.Problems(); got != row.Want {
					t.Errorf("%s %s %.90s: problems\n%q, want\n%q", a.Request.Method, path, row.Body, got, row.Want)
				}
			}
		}
	}
	if c.Fingerprint() != before {
		t.Error("a refused request changed something")
	}
}

// Hostile is a request with the headers named, and how it must be answered.
type Hostile struct {
	Method, Path string
	Headers      string // lines; an empty one means none
	Body         string
	Status       int
	Code, Param  string
}

// Headed is the client with further headers, one a line; a repeated line is sent repeatedly.
func (v Client) Headed(lines string) Client {
	v.Header = v.Header.Clone()
	for line := range strings.Lines(lines) {
		if name, value, named := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); named {
			v.Header.Add(name, value)
		}
	}
	return v
}

// Prefixes is the path under each of its prefixes.
func Prefixes(path string) []string {
	if rest, ok := strings.CutPrefix(path, "/api/"); ok {
		return []string{path, "/api/governance/" + rest}
	}
	return []string{path}
}

// Attack sends each request under each prefix, checks the refusal and its headers, and that nothing changed.
func Attack(t *testing.T, c Cast, v Client, rows []Hostile) {
	t.Helper()
	before := c.Fingerprint()
	for _, row := range rows {
		for _, path := range Prefixes(row.Path) {
			a := v.Headed(row.Headers).Send(row.Method, path, "", strings.NewReader(row.Body))
			name := fmt.Sprintf("%s %s %q %.40s", row.Method, path, row.Headers, row.Body)
			if a.StatusCode != row.Status {
				t.Errorf("%s: status %d, want %d\n%.200s", name, a.StatusCode, row.Status, a.Body)
				continue
			}
			if code, param := a.Fault(); code != row.Code || param != row.Param {
				t.Errorf("%s: %q at %q, want %q at %q", name, code, param, row.Code, row.Param)
			}
			a.Guarded(name)
		}
	}
	if c.Fingerprint() != before {
		t.Error("a refused request changed something")
	}
}

// Fault is the code and the field of a refusal, as JSON or on a page.
func (a Answer) Fault() (code, param string) {
	if len(a.Body) > 0 && strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		problem, _ := a.JSON()["error"].(map[string]any)
		code, _ = problem["code"].(string)
		param, _ = problem["param"].(string)
		return code, param
	}
	if main := a.All("main"); len(main) == 1 {
		return Attribute(main[0], "data-error-code"), Attribute(main[0], "data-param")
	}
	return "", ""
}

// Guarded checks the headers that every answer has, and those that belong to its status.
func (a Answer) Guarded(name string) {
	a.T.Helper()
	for header, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if a.Header.Get(header) != want {
			a.T.Errorf("%s: %s is %q", name, header, a.Header.Get(header))
		}
	}
	if !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") || a.Header.Get("X-Request-ID") == "" {
		a.T.Errorf("%s: headers are %v", name, a.Header)
	}
	challenges := strings.Join(a.Header.Values("WWW-Authenticate"), " ")
	if api := strings.HasPrefix(a.Request.URL.Path, "/api/"); (api && a.StatusCode == 401) != (strings.Contains(challenges, "Bearer") && strings.Contains(challenges, "Basic")) {
		a.T.Errorf("%s: status %d with WWW-Authenticate %q", name, a.StatusCode, challenges)
	}
	if a.StatusCode == 405 && a.Header.Get("Allow") == "" {
		a.T.Errorf("%s: status %d with Allow %q", name, a.StatusCode, a.Header.Get("Allow"))
	}
	if (a.StatusCode == 429 || a.StatusCode == 503) != (a.Header.Get("Retry-After") != "") {
		a.T.Errorf("%s: status %d with Retry-After %q", name, a.StatusCode, a.Header.Get("Retry-After"))
	}
}

const (
	// JSONBody is the media type of JSON as a header line.
	JSONBody = "Content-Type: application/json"
	// FormBody is the media type of forms as a header line.
	FormBody = "Content-Type: application/x-www-form-urlencoded"
	// Profiles is the path of the API of profiles.
	Profiles = "/api/access-profiles"
)

// Raw sends bytes over a connection of their own and returns all status lines of the answers.
func (c *Console) Raw(text string) (lines []string) {
	c.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.Base, "http://"))
	c.Must(err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	c.Must(err)
	c.Must(conn.(*net.TCPConn).CloseWrite())
	for read := bufio.NewScanner(conn); read.Scan(); {
		if strings.HasPrefix(read.Text(), "HTTP/1.1 ") {
			lines = append(lines, strings.TrimPrefix(read.Text(), "HTTP/1.1 "))
		}
	}
	return lines
}

// SortedList is a comma-separated header in alphabetical order.
func SortedList(header string) string {
	words := strings.Split(header, ", ")
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// Row is the i-th object of a list in a profile.
func Row(profile map[string]any, list string, i int) map[string]any {
	return profile[list].([]any)[i].(map[string]any)
}
