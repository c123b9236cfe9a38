package decision_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/dbtest"
)

// Of estimates that go together, each of an amount of the same line, those are held that there is room for in their
// order; what depends on one that was refused is told to ask again.
func TestEstimatesHeldTogether(t *testing.T) {
	for _, c := range []struct {
		name   string
		limit  int
		rounds [][]int64 // amounts
		want   []string
	}{
		{"as many as fit", 3, [][]int64{{1, 1, 1, 1, 1}, {1, 1}}, []string{"yes yes yes again again", "no no"}},
		{"one that is too large", 5, [][]int64{{6, 2, 3}, {3, 2, 1}, {1}}, []string{"no again again", "yes yes again", "no"}},
		{"nothing is left", 2, [][]int64{{2}, {0, 1}}, []string{"yes", "yes no"}},
		{"a limit of nothing", 0, [][]int64{{0}}, []string{"no"}},
	} {
		db, line := dbtest.New(t), uuid.NewString()
		for i, amounts := range c.rounds {
			if got := reserveTogether(t, db, line, c.limit, amounts); got != c.want[i] {
				t.Errorf("%s, round %d: %s, want %s", c.name, i+1, got, c.want[i])
			}
		}
	}
}

func reserveTogether(t *testing.T, db *bun.DB, line string, limit int, amounts []int64) (answers string) {
	t.Helper()
	err := db.NewRaw(`
SELECT string_agg(CASE holds WHEN true THEN 'yes' WHEN false THEN 'no' ELSE 'again' END, ' ' ORDER BY n)
FROM (
    SELECT array_agg(gen_random_uuid()) AS ids, array_agg(300::bigint) AS leases, array_agg(NULL::text) AS names, array_agg(NULL::bytea) AS contents,
           array_agg('a user'::text) AS users, array_agg(7::bigint) AS copies, array_agg(n) AS of,
           array_agg(?::uuid) AS lines, array_agg('tokens'::text) AS kinds, array_agg('1d'::text) AS durations,
           array_agg('2026-11-23T00:00:00Z'::timestamptz) AS starts, array_agg(amount) AS asks, array_agg(ahead) AS aheads,
           array_agg(?::bigint) AS limits
    FROM (SELECT n, amount, sum(amount) OVER (ORDER BY n)::bigint - amount AS ahead FROM unnest(?::bigint[]) WITH ORDINALITY AS a(amount, n)) AS a
) AS a, hold_estimates(ids, users, copies, leases, names, contents, of, lines, kinds, durations, starts, asks, aheads, limits)`,
		line, limit, pgdialect.Array(amounts)).Scan(t.Context(), &answers)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// Those who hold for the same users in another order, also for the first time, wait for each other and never in a
// circle.
func TestHoldersOfTheSameUsersWaitInOneOrder(t *testing.T) {
	db := dbtest.New(t)
	for range 20 {
		var users []string
		for range 12 {
			users = append(users, uuid.NewString())
		}
		for range 2 { // for the first time, and again
			var group sync.WaitGroup
			begin := make(chan struct{})
			for range 4 {
				mine := slices.Clone(users)
				rand.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
				group.Go(func() {
					<-begin
					if err := holdNothingFor(t.Context(), db, mine[:8]); err != nil {
						t.Error(err)
					}
				})
			}
			close(begin)
			group.Wait()
		}
	}
}

func holdNothingFor(ctx context.Context, db *bun.DB, users []string) error {
	_, err := db.NewRaw(`
SELECT h.n FROM (
    SELECT array_agg(gen_random_uuid()) AS ids, array_agg(u) AS users, array_agg(7::bigint) AS copies,
           array_agg(300::bigint) AS leases, array_agg(NULL::text) AS names, array_agg(NULL::bytea) AS contents
    FROM unnest(?::text[]) AS u
) AS a, hold_estimates(ids, users, copies, leases, names, contents, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') AS h`,
		pgdialect.Array(users)).Exec(ctx)
	return err
}
