package report

import (
	"cmp"
	"reflect"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/money"
)

// What is kept in memory gives the page that the database gives, with days that are not added up, days that were
// revised since, users who cancel out, and a sum that is at the end of its column.
func TestPeopleKept(t *testing.T) {
	app, owner := dbtest.URLs(t)
	db, err := database.Open(app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	filling, err := database.Open(owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = filling.Close() })
	for _, statement := range []string{
		`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT date '2026-11-20' - d, 'u' || n, 0, 'openai', 'm', (n * 7919 + d * 31) % 977 - CASE WHEN n = 3 THEN 500 ELSE 0 END, n % 7, d % 5, n % 2
FROM generate_series(0, 110) AS d, generate_series(1, 60) AS n WHERE (n + d) % 3 = 0`,
		`UPDATE usage_days SET cost = 8999999999999999999 WHERE user_id = 'u6' AND day IN ('2026-11-02', '2026-11-20')`,
		`INSERT INTO usage_days VALUES ('2026-11-01', 'none', 0, 'openai', 'm', 5, 1, 1, 0), ('2026-11-03', 'none', 0, 'openai', 'm', -5, -1, -1, 0)`,
		`INSERT INTO usage_people SELECT day, user_id, sum(cost), sum(tokens), sum(requests), sum(unpriced) FROM usage_days WHERE day <= '2026-11-18' GROUP BY 1, 2`,
		`INSERT INTO usage_months SELECT date_trunc('month', day)::date, user_id, sum(cost), sum(tokens), sum(requests), sum(unpriced) FROM usage_people GROUP BY 1, 2`,
		`UPDATE usage_totals_state SET through = '2026-11-18', computed_at = now(), rolled_up_at = now()`,
		`UPDATE usage_days SET cost = cost + 4000 WHERE day IN ('2026-11-05', '2026-10-02') AND user_id < 'u3'`,
		`INSERT INTO usage_revised_days VALUES ('2026-11-05'), ('2026-10-02'), ('2026-01-01')`,
		`INSERT INTO former_names (kind, id, name) SELECT 'user', 'u' || n, 'User ' || n FROM generate_series(1, 30) AS n`,
	} {
		if _, err := filling.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, span := range [][2]string{
		{"2026-11-01", "2026-11-20"}, {"2026-08-23", "2026-11-20"}, {"2026-10-02", "2026-10-03"}, {"2026-09-20", "2026-11-10"},
	} {
		for _, sort := range []string{"-spend", "spend", "-tokens", "tokens", "-requests", "requests"} {
			for _, offset := range []int64{0, 25, 1000} {
				q := PageQuery{Query: Query{Since: day(span[0]), Until: day(span[1]), GroupBy: "user"}, Sort: sort, Limit: 25, Offset: offset}
				if err := q.prepare(t.Context(), db); err != nil {
					t.Fatal(err)
				}
				var kept people
				var fromDatabase, fromMemory Page
				want, err := fromDatabase.loadRows(t.Context(), db, q)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					fromMemory = Page{}
					got, ok, err := fromMemory.loadPeople(t.Context(), db, &kept, q)
					if err != nil || !ok {
						t.Fatalf("%v: read by month %v: %v", span, ok, err)
					}
					if offset < 1000 && (fromDatabase.Count != fromMemory.Count || fromMemory.Count < 40) {
						t.Errorf("%v: %d users, in memory %d", span, fromDatabase.Count, fromMemory.Count)
					}
					if len(fromDatabase.Rows)+len(fromMemory.Rows) > 0 && !reflect.DeepEqual(fromDatabase.Rows, fromMemory.Rows) {
						t.Errorf("%v by %s from %d:\n%v\nin memory:\n%v", span, sort, offset, fromDatabase.Rows, fromMemory.Rows)
					}
					if !reflect.DeepEqual(want, got) {
						t.Errorf("%v: plotted %v, in memory %v", span, want, got)
					}
				}
			}
		}
	}
	// What changed is read again before it is asked for, unless it is no longer asked for.
	var kept people
	now := time.Now()
	wanted := Query{Since: day("2026-11-01"), Until: day("2026-11-20"), GroupBy: "user"}
	for key, asked := range map[period]time.Time{{"2026-11-01", "2026-11-20"}: now, {"2026-10-01", "2026-10-20"}: now.Add(-25 * time.Hour)} {
		kept.keep(key, keptPeople{query: wanted, asked: asked})
	}
	if err := kept.refresh(t.Context(), db, now); err != nil {
		t.Fatal(err)
	}
	if len(kept.known) != 1 || len(kept.known[period{"2026-11-01", "2026-11-20"}].users) < 40 {
		t.Errorf("kept: %v", kept.known)
	}
}

// A run that adds many days up does so in steps, all with one time: what was read between them is read again.
func TestPeopleKeptBetweenSteps(t *testing.T) {
	app, owner := dbtest.URLs(t)
	var dbs []*bun.DB
	for _, address := range []string{app, owner} {
		db, err := database.Open(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		dbs = append(dbs, db)
	}
	var kept people
	q := Query{Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), GroupBy: "user"}
	for _, through := range []string{"2026-11-18", "2026-11-19"} {
		for _, statement := range []string{
			`INSERT INTO usage_people VALUES ('` + through + `', 'u', 5, 1, 1, 0)`, `DELETE FROM usage_months`,
			`INSERT INTO usage_months SELECT '2026-11-01', user_id, sum(cost), sum(tokens), sum(requests), 0 FROM usage_people GROUP BY 2`,
			`UPDATE usage_totals_state SET through = '` + through + `', computed_at = '2026-11-20', rolled_up_at = '2026-11-20', revised_at = '2026-11-20'`,
		} {
			if _, err := dbs[1].ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%v\n%s", err, statement)
			}
		}
		if err := q.prepare(t.Context(), dbs[0]); err != nil {
			t.Fatal(err)
		}
		users, err := kept.summed(t.Context(), dbs[0], q)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]money.Money{"2026-11-18": 5, "2026-11-19": 10}[through]; users["u"].Cost != want {
			t.Errorf("through %s: %v, want %v", through, users["u"].Cost, want)
		}
	}
}

// For days of a month under way, those of the month before; all of it for a month that is over.
func TestPeriodBefore(t *testing.T) {
	for _, test := range []struct{ since, until, today, want string }{
		{"2027-02-01", "2027-02-27", "2027-02-27", "2027-01-01 2027-01-27"},
		{"2027-02-01", "2027-02-28", "2027-02-28", "2027-01-01 2027-01-28"},
		{"2027-02-01", "2027-02-28", "2027-03-01", "2027-01-01 2027-01-31"},
		{"2028-02-01", "2028-02-29", "2028-02-29", "2028-01-01 2028-01-29"},
		{"2027-03-01", "2027-03-31", "2027-03-31", "2027-02-01 2027-02-28"},
		{"2026-11-30", "2026-12-02", "2026-12-02", "2026-11-27 2026-11-29"},
	} {
		day := func(text string) time.Time {
			at, err := time.Parse(time.DateOnly, text)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		since, until := Query{Since: day(test.since), Until: day(test.until)}.PeriodBefore(day(test.today))
		if got := date(since) + " " + date(until); got != test.want {
			t.Errorf("%s to %s, today %s: got %s, want %s", test.since, test.until, test.today, got, test.want)
		}
	}
}

// The first rows are those of a sorted list, however many are asked for.
func TestFirstRows(t *testing.T) {
	rows := make([]Row, 3*fewRows)
	for i := range rows {
		rows[i].Tokens = int64(i * 7919 % len(rows))
	}
	byTokens := func(a, b Row) int { return cmp.Compare(a.Tokens, b.Tokens) }
	for _, n := range []int{0, 1, 25, fewRows, fewRows + 1, len(rows), len(rows) + 1} {
		first := firstRows(rows, n, byTokens)
		if len(first) != min(n, len(rows)) {
			t.Errorf("%d of %d", len(first), n)
		}
		for i, row := range first {
			if row.Tokens != int64(i) {
				t.Fatalf("row %d of %d has %d tokens", i, n, row.Tokens)
			}
		}
	}
}
