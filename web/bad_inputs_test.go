package web_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

// badInput is one hostile request of testdata/bad_inputs.jsonl and how it must be answered.
type badInput struct {
	ID          string
	Method      string
	Path        string
	ContentType string `json:"content_type"`
	Headers     []string
	Body        []byte `json:"body_b64"`
	Generate    string // how to make a body too long to keep
	Status      int
	Code        string
}

func badInputs(t *testing.T) []badInput {
	t.Helper()
	file, err := os.Open("testdata/bad_inputs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rows []badInput
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var row badInput
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func (b badInput) body(t *testing.T) string {
	t.Helper()
	switch b.Generate {
	case "":
		return string(b.Body)
	case "10 MiB name":
		return `{"name":"` + strings.Repeat("x", 10<<20) + `"}`
	case "1 MiB of spaces + object":
		return strings.Repeat(" ", 1<<20) + `{"name":"x"}`
	case "60 000 nested objects":
		return `{"name":"x","a":` + strings.Repeat(`{"a":`, 60_000) + "1" + strings.Repeat("}", 60_001)
	case "500 000-digit number":
		return `{"name":"x","budgets":[{"reset_duration":"1d","max_limit":` + strings.Repeat("9", 500_000) + `}]}`
	case "10 001 pairs":
		return strings.Repeat("a=1&", 10_000) + "name=x"
	}
	t.Fatalf("no way to make %q", b.Generate)
	return ""
}

// cast is the console of the catalogue: three profiles, an admin and a viewer with a key each, and the admin's session.
type cast struct {
	*console
	admin, viewer client
	session       client
}

func newCast(t *testing.T) cast {
	c := newConsole(t)
	for _, row := range []string{
		`INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o,gpt-4o-mini}')`,
		`INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('github', 'github', 'github', '{create_issue,delete_repo}'), ('jira', 'jira', 'jira', '{t}')`,
		`INSERT INTO tool_groups (name, name_key) VALUES ('Review', 'review')`,
	} {
		c.exec(row)
	}
	made := cast{c, c.apiKey(), c.apiKey("AccessProfiles:View"), c.login(admin).with("Sec-Fetch-Site", "same-origin")}
	for _, name := range []string{"Engineering", "Straße", "Café"} {
		made.admin.api("POST", "/api/access-profiles", map[string]string{"name": name}).is(http.StatusCreated)
	}
	return made
}

// play sends the row as the catalogue describes it, with real credentials in place of its names.
func (c cast) play(t *testing.T, row badInput, path string) answer {
	t.Helper()
	v := c.anonymous()
	v.header = http.Header{}
	for _, header := range row.Headers {
		name, value, _ := strings.Cut(header, ": ")
		switch header {
		case "Authorization: Bearer admin":
			value = c.admin.header.Get("Authorization")
		case "Authorization: Bearer viewer":
			value = c.viewer.header.Get("Authorization")
		case "Cookie: __Host-session=admin":
			value = c.session.header.Get("Cookie")
		}
		v.header.Add(name, value)
	}
	// The catalogue's form rows name a budget's row 0; the form's own names have a key.
	body := strings.NewReplacer("budgets.0.", "budgets%5Bb1%5D.").Replace(row.body(t))
	if row.ContentType == "application/json" || row.Code == "unknown_field" {
		body = row.body(t)
	}
	v.t = t
	return v.send(row.Method, path, row.ContentType, strings.NewReader(body))
}

// everything is a fingerprint of all that is stored, except what any request may change: sessions, last uses and
// throttles.
const everything = `
SELECT md5(string_agg(part, '|' ORDER BY part)) FROM (
    SELECT 'p' || p::text AS part FROM access_profiles p UNION ALL SELECT 'v' || v::text FROM access_profile_versions v
    UNION ALL SELECT 'a' || a::text FROM audit_logs a UNION ALL SELECT 'y' || y::text FROM policies y
    UNION ALL SELECT 'c' || c::text FROM provider_configs c UNION ALL SELECT 'l' || l::text FROM limit_lines l
    UNION ALL SELECT 'g' || g::text FROM policy_tool_groups g
    UNION ALL SELECT 's' || s::text FROM policy_mcp_servers s UNION ALL SELECT 'o' || o::text FROM policy_tool_overrides o
    UNION ALL SELECT 'u' || u::text FROM users u UNION ALL SELECT 'pr' || pr::text FROM providers pr
    UNION ALL SELECT 'm' || m::text FROM mcp_servers m UNION ALL SELECT 't' || t::text FROM tool_groups t) parts`

func TestBadInputs(t *testing.T) {
	shared := newCast(t)
	var before string
	shared.scan(&before, everything)
	for _, row := range badInputs(t) {
		paths := []string{row.Path}
		if rest, ok := strings.CutPrefix(row.Path, "/api/"); ok {
			paths = append(paths, "/api/governance/"+rest)
		}
		for _, path := range paths {
			t.Run(row.ID+" "+strings.Split(path, "access")[0], func(t *testing.T) {
				c := shared
				if row.Status < 400 || strings.HasPrefix(row.ID, "LOGIN") {
					c = newCast(t)
				}
				answer := c.play(t, row, path)
				checkBadInput(t, row, answer)
				if row.Status < 400 {
					return
				}
				var after string
				c.t = t
				if c.scan(&after, everything); c.console == shared.console && after != before {
					before = after
					t.Error("a refused request changed something")
				}
			})
		}
	}
}

func checkBadInput(t *testing.T, row badInput, a answer) {
	t.Helper()
	if a.is(row.Status); row.Code != "" {
		var code string
		if strings.HasPrefix(row.Path, "/api/") {
			problem, _ := a.json()["error"].(map[string]any)
			code, _ = problem["code"].(string)
		} else {
			code = attribute(a.one("main"), "data-error-code")
		}
		if code != row.Code {
			t.Errorf("code %q, want %q\n%.600s", code, row.Code, a.body)
		}
	}
	if strings.HasPrefix(row.ID, "LOGIN") && row.Status == http.StatusSeeOther && a.Header.Get("Location") != "/" {
		t.Errorf("leads to %q", a.Header.Get("Location"))
	}
}
