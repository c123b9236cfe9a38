package search

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"golang.org/x/text/unicode/norm"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/virtualkey"
)

// candidates is how many rows with the text are considered before the best are chosen: a text that everything
// contains is answered as fast as another.
const candidates = 500

// source is where hits of one kind come from. ?0 is the pattern of texts that contain the words, ?1 the words,
// ?2 the pattern of texts that begin with them, ?3 the same folded, ?4 a number, ?5 last characters of a key, ?6 and
// ?7 how many rows are considered and returned, ?8 the pattern of folded texts that contain the words.
type source struct {
	kind       Kind
	permission permission.Permission
	callable   bool // by a gateway
	query      string
}

var sources = []source{
	{User, permission.ViewUsers, false, `
SELECT 'user', u.id, u.name, u.email, '', false, 0, NULL::timestamptz,
       row_number() OVER (ORDER BY NOT (u.name ILIKE ?2 OR u.email ILIKE ?2), lower(u.name), u.id)
FROM (SELECT * FROM users WHERE name ILIKE ?0 OR email ILIKE ?0 LIMIT ?6) AS u`},
	{Profile, permission.ViewAccessProfiles, false, `
SELECT 'access_profile', p.id::text, p.name, '', '', p.is_active,
       (SELECT count(*) FROM user_access_profiles AS c WHERE c.access_profile_id = p.id), NULL::timestamptz, p.place
FROM (SELECT p.*, row_number() OVER (ORDER BY p.name_key NOT LIKE ?3, p.name_key) AS place
      FROM (SELECT * FROM access_profiles WHERE search_key LIKE ?8 LIMIT ?6) AS p ORDER BY place LIMIT ?7) AS p`},
	{Role, permission.ViewRoles, false, `
SELECT 'role', r.id::text, r.name, '', '', true,
       (SELECT count(*) FROM users AS u WHERE u.role_id = r.id), NULL::timestamptz, r.place
FROM (SELECT r.*, row_number() OVER (ORDER BY r.name NOT ILIKE ?2, r.name_key) AS place
      FROM roles AS r WHERE r.name ILIKE ?0 ORDER BY place LIMIT ?7) AS r`},
	{Key, permission.ViewVirtualKeys, false, `
SELECT 'virtual_key', k.id, k.name, u.name || ' · ' || k.last_four, k.user_id, true, 0, k.expires_at,
       row_number() OVER (ORDER BY k.last_four <> ?5, k.name_key)
FROM ((SELECT * FROM virtual_keys WHERE last_four = ?5 LIMIT ?7)
      UNION (SELECT * FROM virtual_keys WHERE name ILIKE ?0 AND length(?1) > 2 LIMIT ?6)
      UNION (SELECT * FROM virtual_keys WHERE name_key >= ?9 AND name_key < ?9 || U&'\+10FFFD' AND length(?1) < 3
             ORDER BY name_key LIMIT ?7)) AS k
JOIN users AS u ON u.id = k.user_id`},
	{Model, permission.ViewProviders, true, `
SELECT 'model', m.name, m.name, p.name, '', true, 0, NULL::timestamptz,
       row_number() OVER (ORDER BY m.name NOT ILIKE ?2, m.name, p.name)
FROM providers AS p, unnest(p.models) AS m(name)
WHERE m.name ILIKE ?0 OR strpos(?1, '/') > 0 AND p.name || '/' || m.name ILIKE ?0`},
	{Tool, permission.ViewMCPServers, true, `
SELECT 'tool', t.name, t.name, s.client_id, '', true, 0, NULL::timestamptz,
       row_number() OVER (ORDER BY t.name NOT ILIKE ?2, t.name, s.client_id)
FROM mcp_servers AS s, unnest(s.tools) AS t(name)
WHERE t.name ILIKE ?0 OR strpos(?1, '/') > 0 AND s.client_id || '/' || t.name ILIKE ?0`},
	{Provider, permission.ViewProviders, false, `
SELECT 'provider', p.name, p.name, '', '', true, cardinality(p.models), NULL::timestamptz,
    row_number() OVER (ORDER BY p.name)
FROM providers AS p WHERE p.name ILIKE ?0`},
	{Server, permission.ViewMCPServers, false, `
SELECT 'mcp_server', s.client_id, s.name, s.client_id, '', true, cardinality(s.tools), NULL::timestamptz,
       row_number() OVER (ORDER BY s.name_key)
FROM mcp_servers AS s WHERE s.name ILIKE ?0 OR s.client_id ILIKE ?0`},
	{ToolGroup, permission.ViewToolGroups, false, `
SELECT 'tool_group', g.id::text, g.name, '', '', true, 0, NULL::timestamptz, row_number() OVER (ORDER BY g.name_key)
FROM tool_groups AS g WHERE g.name ILIKE ?0`},
	{APIKey, permission.ViewAPIKeys, false, `
SELECT 'api_key', k.id::text, k.name, k.key_prefix, '', true, 0, k.expires_at, row_number() OVER (ORDER BY k.name_key)
FROM api_keys AS k WHERE k.name ILIKE ?0 OR k.key_prefix = ?1`},
	{Change, permission.ViewAuditLogs, false, `
SELECT 'audit_log', a.id::text, a.action, a.actor, '', true, 0, a.created_at, 1 FROM audit_logs AS a WHERE a.id = ?4`},
}

const columns = "kind, id, name, of, user_id, active, count, at, place"

// findNamed finds what has the words in its name, as one query: of each kind wanted one more than most.
func findNamed(
	ctx context.Context, db bun.IDB, actor permission.Actor, w words, most int, wanted func(Kind) bool,
) ([]Hit, error) {
	var parts []string
	for _, s := range sources {
		if wanted(s.kind) && actor.May(s.permission) && (s.callable || !w.callers) {
			parts = append(parts, "(SELECT * FROM ("+s.query+") AS found("+columns+") ORDER BY place LIMIT ?7)")
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	query := "SELECT kind, id, name, of, user_id, active, count, at FROM (" + strings.Join(parts, "\nUNION ALL\n") + ") AS hits ORDER BY kind, place"
	literal := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	text := norm.NFC.String(w.text)
	hits := []Hit{}
	err := db.NewRaw(query, database.LikeAnywhere(text), text, literal.Replace(text)+"%",
		literal.Replace(input.FoldCase(text))+"%", changeID(text), lastFour(text), candidates, most+1,
		database.Contains(text), input.NameKey(text)).Scan(ctx, &hits)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return hits, nil
}

// changeID is the id of an audit row that the text names, such as 123 or #123; 0 when it names none.
func changeID(text string) int64 {
	id := int64(0)
	digits := strings.TrimPrefix(text, "#")
	if digits == "" || len(digits) > 18 {
		return 0
	}
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			return 0
		}
		id = id*10 + int64(digit-'0')
	}
	return id
}

// lastFour are the last characters of a key, also of one that is masked as lists show it; "" when the text is neither.
func lastFour(text string) string {
	last := strings.TrimLeft(strings.TrimPrefix(text, virtualkey.Prefix), "*…")
	if len(last) != 4 {
		return ""
	}
	return last
}
