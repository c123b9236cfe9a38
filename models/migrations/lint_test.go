package migrations

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unnamed landed before names said whether a migration expands or contracts. Nothing is added.
var unnamed = strings.Fields(`
20260101000000_init 20260201000000_holders 20260301000000_usage 20260401000000_time_zone 20260402000000_prices
20260403000000_audit_of_many 20260501000000_reservations 20260502000000_usage_indexes 20260601000000_room
20260701000000_audit_door 20260701000100_repairs 20260702000000_unset_limits 20260702000100_gone_tools
20260703000000_usage_by_provider 20260703000100_ids_of_gateways 20260703000200_parts_of_tokens
20260703000300_adjustments 20260703000400_estimates 20260704000000_former_names 20260704000001_usage_of_users
20260704000002_quarantine 20260704000003_usage_by_zone 20260801000000_limit_lines 20260804000000_refusals
20260805000000_usage_totals 20260805000100_list_indexes 20260806000000_find 20260807000000_mcp_credentials
20260807000100_shown_once 20260809000000_usage_latest 20260902000000_override_until
20260902000100_paused_together 20260902000200_usage_of_profiles 20260902000300_version_notes
20260903000000_usage_rollups 20260904000000_member 20260904000100_sign_in_links 20260904000200_access_requests
20260904000300_handouts 20260905000000_audit_search 20260906000000_refusals_by_minute`)

var name = regexp.MustCompile(`^(\d{14}_[a-z0-9_]+)(\.expand|\.contract)?(\.tx)?\.up\.sql$`)

// A migration says in its name whether it expands or contracts; one that expands leaves everything in place that the
// release before uses.
func TestMigrationsExpandOrContract(t *testing.T) {
	t.Parallel()
	functions := map[string]string{}
	for _, file := range files(t) {
		text, err := fs.ReadFile(Files, file)
		if err != nil {
			t.Fatal(err)
		}
		found := name.FindStringSubmatch(file)
		if found == nil || (found[2] == "") != slices.Contains(unnamed, found[1]) {
			t.Errorf("%s: name it …_what.expand.tx.up.sql or …_what.contract.tx.up.sql", file)
			continue
		}
		problems := lint(string(text), functions)
		if found[2] == ".expand" {
			for _, problem := range problems {
				t.Errorf("%s: %s; do it in a migration that contracts, one release later", file, problem)
			}
		}
	}
}

func files(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(Files, "*.sql")
	if err != nil || len(names) <= len(unnamed) {
		t.Fatalf("%d migrations: %v", len(names), err)
	}
	return names
}

var (
	comment  = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/`)
	removes  = regexp.MustCompile(`(?i)\b(DROP|RENAME)\b[^;,]*`)
	kept     = regexp.MustCompile(`(?i)\bON COMMIT DROP\b|\bDROP CONSTRAINT \w+_check\b`)              // what a check refused is only more
	bodies   = regexp.MustCompile(`(?is)(\bCREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\b[^;$]*\$\$).*?\$\$`) // run later
	retypes  = regexp.MustCompile(`(?i)\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b[^;,]*`)
	requires = regexp.MustCompile(`(?i)\bSET\s+NOT\s+NULL\b`)
	alters   = regexp.MustCompile(`(?is)^\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?\S+\s+(.*)$`)
	adds     = regexp.MustCompile(`(?i)^\s*ADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(\w+)`)
	makes    = regexp.MustCompile(`(?is)\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s+(\w+)\s*\(`)
	fills    = regexp.MustCompile(`(?i)\b(DEFAULT|GENERATED)\b`)
	missing  = regexp.MustCompile(`(?i)\bNOT\s+NULL\b`)
)

// lint says what of a migration the release before cannot work beside. Functions are those made so far, with their
// arguments.
func lint(text string, functions map[string]string) (problems []string) {
	text = bodies.ReplaceAllString(kept.ReplaceAllString(comment.ReplaceAllString(text, " "), ""), "$1 $$$$")
	for _, forbidden := range []*regexp.Regexp{removes, retypes, requires} {
		problems = append(problems, forbidden.FindAllString(text, -1)...)
	}
	for statement := range strings.SplitSeq(text, ";") {
		found := alters.FindStringSubmatch(statement)
		if found == nil {
			continue
		}
		for _, clause := range clauses(found[1]) {
			added := adds.FindStringSubmatch(clause)
			if added != nil && !strings.EqualFold(added[1], "constraint") && missing.MatchString(clause) && !fills.MatchString(clause) {
				problems = append(problems, strings.TrimSpace(clause)+" without a default")
			}
		}
	}
	for _, found := range makes.FindAllStringSubmatchIndex(text, -1) {
		function := strings.ToLower(text[found[2]:found[3]])
		arguments := strings.Join(strings.Fields(enclosed(text[found[1]:])), " ")
		if before, known := functions[function]; known && before != arguments {
			problems = append(problems, "other arguments of "+function)
		}
		functions[function] = arguments
	}
	return problems
}

// clauses splits at commas outside of parentheses.
func clauses(text string) (parts []string) {
	depth, from := 0, 0
	for i, char := range text {
		switch {
		case char == '(':
			depth++
		case char == ')':
			depth--
		case char == ',' && depth == 0:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	return append(parts, text[from:])
}

// enclosed is the text up to the parenthesis that closes it.
func enclosed(text string) string {
	depth := 1
	for i, char := range text {
		switch char {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return text[:i]
		}
	}
	return text
}

func TestLintOfMigrations(t *testing.T) {
	t.Parallel()
	made := func() map[string]string { return map[string]string{"reserve": "a text, b numeric(20, 6)"} }
	for _, refused := range []string{
		"DROP TABLE users", "drop index users_name", "ALTER TABLE users DROP COLUMN name", "ALTER TABLE users DROP name",
		"ALTER TABLE users ALTER name DROP DEFAULT", "ALTER TABLE users DROP CONSTRAINT users_name_taken",
		"DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$", "DROP FUNCTION reserve(text)",
		"ALTER TABLE users RENAME TO people", "ALTER TABLE users RENAME COLUMN name TO title", "ALTER INDEX a RENAME TO b",
		"ALTER TABLE users ALTER name TYPE text", "ALTER TABLE users\n ALTER COLUMN name SET DATA TYPE varchar(5)",
		"ALTER TABLE users ALTER name SET NOT NULL", "ALTER TABLE users ADD shoe integer NOT NULL",
		"ALTER TABLE users ADD a numeric(20, 6) DEFAULT 0 NOT NULL, ADD COLUMN IF NOT EXISTS b text COLLATE \"C\" NOT NULL CHECK (b IN ('x', 'y'))",
		"CREATE OR REPLACE FUNCTION reserve(a text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"CREATE FUNCTION Reserve (a text, b bigint) RETURNS int LANGUAGE sql AS 'SELECT 1'",
	} {
		if problems := lint(refused+";", made()); len(problems) != 1 {
			t.Errorf("%s: %q", refused, problems)
		}
	}
	for _, fine := range []string{
		"CREATE TABLE shoes (id bigint PRIMARY KEY, size integer NOT NULL)", "CREATE TEMPORARY TABLE t ON COMMIT DROP AS SELECT 1",
		"ALTER TABLE users ADD shoe integer NOT NULL DEFAULT 43, ADD hat integer", "-- DROP TABLE users\nSELECT 1", "/* RENAME\n */ SELECT 1",
		"ALTER TABLE users ADD tag text NOT NULL GENERATED ALWAYS AS (lower(name)) STORED",
		"CREATE OR REPLACE FUNCTION reserve(a text,\n b numeric(20, 6)) RETURNS int LANGUAGE sql AS 'SELECT 2'",
		"CREATE FUNCTION forget(a text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE old; END $$",
		"CREATE FUNCTION reserve_2(a text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE INDEX users_shoe ON users (shoe)",
		"ALTER TABLE users ADD CONSTRAINT shoes CHECK (shoe IS NOT NULL)",
	} {
		if problems := lint(fine+";", made()); problems != nil {
			t.Errorf("%s: %q", fine, problems)
		}
	}
}
