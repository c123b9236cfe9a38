package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Pages of long lists count up to 10,000, and lead on from the last row shown once an offset would be slow; the API
// counts exactly. What is inserted before that row meanwhile moves nothing.
func TestDeepPagesOfLongLists(t *testing.T) {
	s := newStage(t)
	s.exec(`INSERT INTO virtual_keys (id, user_id, name, name_key, key_hash, last_four, created_at, updated_at)
SELECT 'k' || n, ?, 'deep ' || lpad(n::text, 5, '0'), 'deep ' || lpad(n::text, 5, '0'), n::text::bytea, right('000' || n, 4), now(), now() FROM generate_series(1, 10060) AS n`, s.ada)
	same(t, "counted by the API", s.admin.get("/api/governance/virtual-keys?limit=1").is(200).json()["total_count"], any(10060.0))
	words := func(a answer) string { return text(a.one("nav", "aria-label", "Pages").FirstChild) }
	follow := func(a answer, path string) answer {
		t.Helper()
		return s.session.get(path + attribute(a.one("a", "rel", "next"), "href")).is(200)
	}
	first := func(a answer) string { return strings.Fields(text(a.all("th", "scope", "row")[0]))[1] }
	page := s.session.get("/virtual-keys").is(200)
	same(t, "first page", words(page), "1–25 of 10,000+ keys")
	if next := attribute(page.one("a", "rel", "next"), "href"); next != "?offset=25" {
		t.Errorf("next of the first page: %s", next)
	}
	page = follow(s.session.get("/virtual-keys?offset=2475").is(200), "/virtual-keys")
	same(t, "page 101", []any{words(page), first(page)}, []any{"2,501–2,525 of 10,000+ keys", "02501"})
	address := attribute(page.one("a", "rel", "next"), "href")
	if query, err := url.ParseQuery(address[1:]); err != nil || query.Get("after") != "k2525" || query.Get("offset") != "2525" {
		t.Errorf("next of page 101: %s", address)
	}
	s.exec("DELETE FROM virtual_keys WHERE id = 'k1'")
	same(t, "a row before was deleted", first(follow(page, "/virtual-keys")), "02526")
	same(t, "back", attribute(page.one("a", "rel", "prev"), "href"), "?offset=2475")
	last := s.session.get("/virtual-keys?offset=10050").is(200)
	same(t, "the end", []any{words(last), len(last.all("a", "rel", "next"))}, []any{"10,051–10,059 of 10,000+ keys", 0})
	found := s.session.get("/virtual-keys?search=0777").is(200)
	same(t, "found by name or last four", words(found), "1–11 of 11 keys")

	s.exec(`INSERT INTO users (id, name, email, email_key, role_id) SELECT 'u' || n, 'deep ' || lpad(n::text, 5, '0'), n || '@deep.example', n || '@deep.example', 3 FROM generate_series(1, 2600) AS n`)
	users := follow(s.session.get("/users?search=deep&offset=2475").is(200), "/users")
	same(t, "users", []any{words(users), first(users)}, []any{"2,501–2,525 of 2,600 users", "02501"})
	if !strings.Contains(attribute(users.one("a", "rel", "next"), "href"), "search=deep") {
		t.Error("the search is lost")
	}
	same(t, "searched in the email", words(s.session.get("/users?search="+url.QueryEscape("2600@DEEP")).is(200)), "1–1 of 1 user")

	s.exec(`INSERT INTO audit_logs (actor, action, created_at, hash) SELECT 'deep', 'create', now(), '' FROM generate_series(1, 2600)`)
	var at int64
	s.scan(&at, "SELECT id FROM audit_logs WHERE actor = 'deep' ORDER BY id DESC OFFSET 2499 LIMIT 1")
	log := s.session.get("/audit?actor=deep&offset=2475").is(200)
	if next := attribute(log.one("a", "rel", "next"), "href"); !strings.Contains(next, fmt.Sprint("after=", at)) {
		t.Errorf("next of the log: %s, want after %d", next, at)
	}
	same(t, "log", words(follow(log, "/audit")), "2,501–2,525 of 2,600 rows")
	s.admin.get("/api/governance/virtual-keys?after=k1").refuses(400, "unknown_parameter", "after")
}
