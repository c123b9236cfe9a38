package webtest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

// fewRetries are enough for a machine that has much else to do: a change that waited too long for a lock is put off.
const fewRetries = 3

// Concurrently runs all at once and returns their answers in the order given. Like a client, it repeats what is put
// off.
func Concurrently(all ...func() Answer) []Answer {
	answers := make([]Answer, len(all))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { <-start; answers[i] = repeated(one, Answer.PutsOff) })
	}
	close(start)
	group.Wait()
	return answers
}

func repeated(one func() Answer, again func(Answer) bool) (a Answer) {
	for range 1 + fewRetries {
		if a = one(); !again(a) {
			break
		}
	}
	return a
}

// StoodStill reports whether an answer puts off what was asked for because this machine did nothing for seconds, or the
// test takes the database away. What is put off for another reason, such as a deadlock, is not to be repeated.
func (c *Console) StoodStill(a Answer) bool {
	if a.StatusCode != http.StatusServiceUnavailable && a.Header.Get("X-Access-Status") != "503" {
		return false
	}
	log := c.Log.String()
	return c.Wired || slices.ContainsFunc([]string{"deadline exceeded", "i/o timeout", "SQLSTATE 57014", "SQLSTATE 55P03"},
		func(late string) bool { return strings.Contains(log, late) })
}

// Answered asks again until this machine has not stood still, like a gateway.
func (c *Console) Answered(one func() Answer) (a Answer) {
	c.T.Helper()
	c.Eventually("an answer", func() bool { a = one(); return !c.StoodStill(a) })
	return a
}

// Queued makes all wait for a row in the order given, and releases them at once: a race that each of them wins in turn.
func (s Stage) Queued(row string, id any, all ...func() Answer) []Answer {
	s.T.Helper()
	owner := s.Owner()
	defer owner.Close() // there are many rounds
	holding, err := owner.BeginTx(s.T.Context(), nil)
	s.Must(err)
	defer holding.Rollback()
	_, err = holding.NewRaw("SELECT FROM ? WHERE id = ? FOR UPDATE", Ident(row), id).Exec(s.T.Context())
	s.Must(err)
	answers := make([]Answer, len(all))
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { answers[i] = repeated(one, Answer.PutsOff) })
		for waiting, deadline := 0, time.Now().Add(time.Second); waiting <= i && time.Now().Before(deadline); {
			s.Scan(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		}
	}
	s.Must(holding.Commit())
	group.Wait()
	return answers
}

// Contend runs two against each other: both at once, and each first in the queue for a row that both need.
func (s Stage) Contend(round int, row string, id any, one, other func() Answer) (first, second Answer) {
	s.T.Helper()
	var got []Answer
	switch round % 3 {
	case 0:
		got = Concurrently(one, other)
	case 1:
		got = s.Queued(row, id, one, other)
	default:
		got = s.Queued(row, id, other, one)
		slices.Reverse(got)
	}
	return got[0], got[1]
}

// Statuses are those of answers; a failure of the console itself fails the test.
func Statuses(t *testing.T, answers ...Answer) []int {
	t.Helper()
	var all []int
	for _, a := range answers {
		if all = append(all, a.StatusCode); a.StatusCode >= 500 {
			t.Fatalf("%s %s: %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.Body)
		}
	}
	return all
}

// Faults are the contradictions in what is stored, and how often each occurs.
func (s Stage) Faults() map[string]int {
	s.T.Helper()
	found := map[string]int{}
	for what, query := range map[string]string{
		"copies without a profile": "user_access_profiles WHERE access_profile_id NOT IN (SELECT id FROM access_profiles)",
		"policies of nothing": `policies AS p WHERE NOT EXISTS (SELECT FROM access_profiles AS a WHERE a.policy_id = p.id)
AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.policy_id = p.id)`,
		"keys of those who hold nothing": "virtual_keys WHERE user_id NOT IN (SELECT user_id FROM user_access_profiles)",
		"attachments of nothing":         "role_access_profiles WHERE access_profile_id NOT IN (SELECT id FROM access_profiles) OR role_id NOT IN (SELECT id FROM roles)",
	} {
		if n := s.Count(query); n > 0 {
			found[what] = n
		}
	}
	return found
}

// Sound fails the test when what is stored contradicts itself.
func (s Stage) Sound() {
	s.T.Helper()
	if found := s.Faults(); len(found) > 0 {
		s.T.Fatalf("stored are %v", found)
	}
}

// AddProfile adds a profile and is its id.
func (s Stage) AddProfile(name string) int64 {
	return s.ProfileNaming(name, `"budgets":[{"max_limit":1,"reset_duration":"1M"}]`)
}

// DetachAll detaches every copy of a user.
func (s Stage) DetachAll(user string) {
	s.T.Helper()
	for _, held := range s.Copies(user) {
		s.Admin.API("DELETE", "/api"+CopyPath(user, held), nil).Is(200)
	}
}

// Deadlocks counts the statements that the database cancelled to break a deadlock.
type Deadlocks struct{ atomic.Int64 }

// BeforeQuery implements bun.QueryHook.
func (d *Deadlocks) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

// AfterQuery counts the deadlocks that PostgreSQL reports.
func (d *Deadlocks) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if broken := (*pgconn.PgError)(nil); errors.As(event.Err, &broken) && broken.Code == "40P01" {
		d.Add(1)
	}
}

// AfterBoth lets two read, and write only when both have read; an error stops neither.
func (s Stage) AfterBoth(one, other func(read func())) {
	var reading, writing sync.WaitGroup
	reading.Add(2)
	for _, do := range []func(func()){one, other} {
		writing.Go(func() { do(func() { reading.Done(); reading.Wait() }) })
	}
	writing.Wait()
}

// Raw changes the database from any goroutine, and logs a failure.
func (s Stage) Raw(query string, args ...any) {
	if _, err := s.DB.NewRaw(query, args...).Exec(s.T.Context()); err != nil {
		s.T.Errorf("%s: %v", query, err)
	}
}
