package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Pages of long lists count up to 10,000, and lead on from the last row shown once an offset would be slow; the API
// counts exactly. What is inserted before that row meanwhile moves nothing.
func TestDeepPagesOfLongLists(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec(`INSERT INTO virtual_keys (id, user_id, name, name_key, key_hash, last_four, created_at, updated_at)
SELECT 'k' || n, ?, 'deep ' || lpad(n::text, 5, '0'), 'deep ' || lpad(n::text, 5, '0'), n::text::bytea, right('000' || n, 4), now(), now() FROM generate_series(1, 10060) AS n`, s.Ada)
	webtest.Same(t, "counted by the API", s.Admin.Get("/api/governance/virtual-keys?limit=1").Is(200).JSON()["total_count"], any(10060.0))
	words := func(a webtest.Answer) string { return webtest.Text(a.One("nav", "aria-label", "Pages").FirstChild) }
	follow := func(a webtest.Answer, path string) webtest.Answer {
		t.Helper()
		return s.Session.Get(path + webtest.Attribute(a.One("a", "rel", "next"), "href")).Is(200)
	}
	first := func(a webtest.Answer) string { return strings.Fields(webtest.Text(a.All("th", "scope", "row")[0]))[1] }
	page := s.Session.Get("/virtual-keys").Is(200)
	webtest.Same(t, "first page", words(page), "1–25 of 10,000+ keys")
	if next := webtest.Attribute(page.One("a", "rel", "next"), "href"); next != "?offset=25" {
		t.Errorf("next of the first page: %s", next)
	}
	page = follow(s.Session.Get("/virtual-keys?offset=2475").Is(200), "/virtual-keys")
	webtest.Same(t, "page 101", []any{words(page), first(page)}, []any{"2,501–2,525 of 10,000+ keys", "02501"})
	address := webtest.Attribute(page.One("a", "rel", "next"), "href")
	if query, err := url.ParseQuery(address[1:]); err != nil || query.Get("after") != "k2525" || query.Get("offset") != "2525" {
		t.Errorf("next of page 101: %s", address)
	}
	s.Exec("DELETE FROM virtual_keys WHERE id = 'k1'")
	webtest.Same(t, "a row before was deleted", first(follow(page, "/virtual-keys")), "02526")
	webtest.Same(t, "back", webtest.Attribute(page.One("a", "rel", "prev"), "href"), "?offset=2475")
	last := s.Session.Get("/virtual-keys?offset=10050").Is(200)
	webtest.Same(t, "the end", []any{words(last), len(last.All("a", "rel", "next"))}, []any{"10,051–10,059 of 10,000+ keys", 0})
	found := s.Session.Get("/virtual-keys?search=0777").Is(200)
	webtest.Same(t, "found by name or last four", words(found), "1–11 of 11 keys")

	s.Exec(`INSERT INTO users (id, name, email, email_key, role_id) SELECT 'u' || n, 'deep ' || lpad(n::text, 5, '0'), n || '@deep.example', n || '@deep.example', 3 FROM generate_series(1, 2600) AS n`)
	users := follow(s.Session.Get("/users?search=deep&offset=2475").Is(200), "/users")
	webtest.Same(t, "users", []any{words(users), first(users)}, []any{"2,501–2,525 of 2,600 users", "02501"})
	if !strings.Contains(webtest.Attribute(users.One("a", "rel", "next"), "href"), "search=deep") {
		t.Error("the search is lost")
	}
	webtest.Same(t, "searched in the email", words(s.Session.Get("/users?search="+url.QueryEscape("2600@DEEP")).Is(200)), "1–1 of 1 user")

	s.Exec(`INSERT INTO audit_logs (actor, action, created_at, hash) SELECT 'deep', 'create', now(), '' FROM generate_series(1, 2600)`)
	var at int64
	s.Scan(&at, "SELECT id FROM audit_logs WHERE actor = 'deep' ORDER BY id DESC OFFSET 2499 LIMIT 1")
	log := s.Session.Get("/audit?actor=deep&offset=2475").Is(200)
	if next := webtest.Attribute(log.One("a", "rel", "next"), "href"); !strings.Contains(next, fmt.Sprint("after=", at)) {
		t.Errorf("next of the log: %s, want after %d", next, at)
	}
	webtest.Same(t, "log", words(follow(log, "/audit")), "2,501–2,525 of 2,600 rows")
	s.Admin.Get("/api/governance/virtual-keys?after=k1").Refuses(400, "unknown_parameter", "after")
}
