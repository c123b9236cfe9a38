package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/input"
	"tollgate/models/ledger"
	"tollgate/models/modelstest"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/usage"
)

// reported is an event as a gateway sends it; cost and tokens are JSON literals, "" for none.
type reported struct {
	id, user, provider, cost, tokens string
	at                               time.Time
}

func (r reported) input() usage.EventInput {
	in := usage.EventInput{
		Row: modelstest.Object(), EventID: modelstest.Word(r.id), UserID: modelstest.Word(r.user), Provider: modelstest.Word(r.provider), Model: modelstest.Word("m"), OccurredAt: modelstest.Word(r.at.Format(time.RFC3339Nano)),
	}
	if r.cost != "" {
		in.Cost = modelstest.Literal(r.cost)
	}
	if r.tokens != "" {
		in.Tokens = modelstest.Literal(r.tokens)
	}
	return in
}

func batch(events ...reported) usage.Input {
	in := usage.Input{EventInput: usage.EventInput{Row: modelstest.Object()}, Events: input.List[usage.EventInput]{Kind: input.Array}}
	for _, one := range events {
		in.Events.Items = append(in.Events.Items, one.input())
	}
	return in
}

// limited is a policy with limits of every kind, in all and of one provider.
func limited() policy.Policy {
	budgets := func() []policy.Budget {
		return []policy.Budget{{MaxLimit: money.MaxMoney, ResetDuration: "1h"}, {MaxLimit: money.MaxMoney, ResetDuration: "1d"}, {MaxLimit: money.MaxMoney, ResetDuration: "1M"}}
	}
	limit := func() *policy.RateLimit {
		return &policy.RateLimit{
			TokenMaxLimit: modelstest.Pointer(int64(input.MaxCount)), TokenResetDuration: modelstest.Pointer("1h"), RequestMaxLimit: modelstest.Pointer(int64(input.MaxCount)), RequestResetDuration: modelstest.Pointer("1w"),
		}
	}
	return policy.Policy{
		Budgets: budgets(), RateLimit: limit(),
		ProviderConfigs: []policy.ProviderConfig{{ProviderName: "openai", AllModelsAllowed: true, Budgets: budgets(), RateLimit: limit()}, {ProviderName: "mistral", AllModelsAllowed: true}},
	}
}

// I-01: events are sent in any order and any number of times, by several consoles at once: a counter is the sum of its
// events.
func TestCountersAreTheSumOfTheirEvents(t *testing.T) {
	h := modelstest.NewHarness(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	aligned := limited()
	aligned.CalendarAligned = true
	templates := []profile.Profile{h.Profile("Rolling", limited()), h.Profile("Aligned", aligned)}
	var users []string
	for i := range 4 {
		users = append(users, h.User(101))
		h.Assign(users[i], templates[i%2].ID)
	}
	var events []reported
	want := map[string]int64{} // of each user and kind
	for range 600 {
		nanos, tokens := random.Int64N(3_000_000_000), random.Int64N(5000)
		e := reported{
			uuid.NewString(), users[random.IntN(4)], []string{"openai", "mistral", "unheard-of"}[random.IntN(3)],
			money.Money(nanos).String(), fmt.Sprint(tokens), time.Now().Add(-time.Duration(random.Int64N(int64(30 * 24 * time.Hour)))),
		}
		if random.IntN(5) == 0 {
			e.cost, nanos = "", 0
		}
		want[e.user+" spend"] += nanos
		want[e.user+" tokens"] += tokens
		want[e.user+" requests"]++
		events = append(events, e)
	}
	recorders := []*usage.Recorder{h.Recorder(h.DB), h.Recorder(h.DB)}
	start := make(chan struct{})
	var senders sync.WaitGroup
	for sender := range 4 {
		// Each sends everything once, in an order and in batches of its own.
		mine := append([]reported{}, events...)
		random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		size := 1 + random.IntN(90)
		senders.Go(func() {
			<-start
			for len(mine) > 0 {
				n := min(size, len(mine))
				results, err := recorders[sender%2].Record(t.Context(), batch(append(mine[:n:n], mine[0])...))
				if err != nil {
					t.Error(err)
					return
				}
				for i, r := range results {
					if r.Status != "counted" && r.Status != "duplicate" || r.EventID != mine[i%n].id {
						t.Errorf("%s: %+v", mine[i%n].id, r)
					}
				}
				mine = mine[n:]
			}
		})
	}
	close(start)
	senders.Wait()
	if counters := h.Balanced(); counters < 20 {
		t.Errorf("only %d counters", counters)
	}
	var stored int
	h.Scan(&stored, "SELECT count(*) FROM counted_events")
	if stored != len(events) {
		t.Errorf("%d events of %d", stored, len(events))
	}
	for _, user := range users {
		// Of all lines in all of one duration, each event is counted on just one window.
		for kind, durations := range map[string][]string{"spend": {"1h", "1d", "1M"}, "tokens": {"1h"}, "requests": {"1w"}} {
			for _, duration := range durations {
				var got int64
				h.Scan(&got, `SELECT coalesce(sum(w.used), 0)::bigint FROM limit_windows AS w JOIN limit_lines AS l ON l.id = w.line_id AND l.kind = w.kind JOIN user_access_profiles AS c USING (policy_id)
WHERE c.user_id = ? AND w.kind = ? AND w.reset_duration = ? AND l.provider_name IS NULL`, user, kind, duration)
				if got != want[user+" "+kind] {
					t.Errorf("%s of %s per %s: %d, want %d", kind, user, duration, got, want[user+" "+kind])
				}
			}
		}
	}
}

// The verifier finds what was tampered with, and only that.
func TestLedgerFindsWhatWasTamperedWith(t *testing.T) {
	h := modelstest.NewHarness(t)
	user := h.User(101)
	h.Assign(user, h.Profile("Limited", limited()).ID)
	recorder := h.Recorder(h.DB)
	victim := uuid.NewString()
	for _, e := range []reported{{victim, user, "openai", "0.25", "7", time.Now()}, {uuid.NewString(), user, "openai", "0.5", "1", time.Now()}} {
		_, err := recorder.Record(t.Context(), batch(e))
		h.Must(err)
	}
	if counters := h.Balanced(); counters != 10 {
		t.Fatalf("%d counters", counters)
	}
	for name, c := range map[string]struct {
		tamper string
		want   string // kinds of the skewed, and by how much
	}{
		"a counter raised":      {"UPDATE limit_windows SET used = used + 1 WHERE kind = 'tokens' AND line_id = (SELECT min(line_id::text)::uuid FROM limit_windows WHERE kind = 'tokens')", "tokens 1"},
		"a counter lowered":     {"UPDATE limit_windows SET used = used - 1 WHERE kind = 'spend' AND reset_duration = '1M'", "spend -1, spend -1"},
		"a counter removed":     {"DELETE FROM limit_windows WHERE kind = 'requests'", "requests -2, requests -2"},
		"a counter of no event": {"INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used) VALUES (gen_random_uuid(), 'spend', '1d', now(), 5)", "spend 5"},
		"a cost changed":        {"UPDATE weekly_events SET cost = cost + 1 WHERE event_id = '" + victim + "'", strings.TrimSuffix(strings.Repeat("spend -1, ", 7), ", ")},
		"tokens changed":        {"UPDATE weekly_events SET tokens = tokens - 1 WHERE event_id = '" + victim + "'", "tokens 1, tokens 1, tokens 1"},
		"an event removed":      {"DELETE FROM weekly_events WHERE event_id = '" + victim + "'", "requests 1, requests 1, requests 1, " + strings.Repeat("spend 250000000, ", 7) + "tokens 7, tokens 7, tokens 7"},
		"an event's cost gone":  {"UPDATE weekly_events SET cost = NULL WHERE event_id = '" + victim + "'", strings.TrimSuffix(strings.Repeat("spend 250000000, ", 7), ", ")},
		"a day's cost changed":  {"UPDATE usage_days SET cost = cost + 3", "spend 3"},
		"a day removed":         {"DELETE FROM usage_days", "requests -2, spend -750000000, tokens -8"},
		"an event moved":        {"UPDATE weekly_charges SET window_starts = (SELECT array_agg(s + interval '1 hour') FROM unnest(window_starts) AS s) WHERE id = (SELECT charge_set FROM weekly_events WHERE event_id = '" + victim + "')", "20"},
	} {
		t.Run(name, func(t *testing.T) {
			tampering, err := h.Owner.BeginTx(t.Context(), nil)
			h.Must(err)
			defer tampering.Rollback()
			if _, err := tampering.NewRaw(c.tamper).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, skewed, err := ledger.Verify(t.Context(), tampering)
			h.Must(err)
			var found []string
			for _, s := range skewed {
				found = append(found, fmt.Sprintf("%s %d", s.Kind, s.Used-s.Events))
			}
			slices.Sort(found)
			if got := strings.Join(found, ", "); got != c.want && fmt.Sprint(len(found)) != c.want {
				t.Errorf("found %s, want %s", got, c.want)
			}
		})
	}
	h.Balanced()
}

// I-07: sums are exact where a binary float is not. The twin adds dollars in one.
func TestTinyCostsAddUpExactly(t *testing.T) {
	h := modelstest.NewHarness(t)
	user := h.User(101)
	h.Assign(user, h.Profile("Limited", policy.Policy{Budgets: []policy.Budget{{MaxLimit: money.MaxMoney, ResetDuration: "1Y"}}}).ID)
	recorder := h.Recorder(h.DB)
	for range 3 {
		var events []reported
		for range 1000 {
			events = append(events, reported{uuid.NewString(), user, "openai", tiny, "", time.Now()})
		}
		_, err := recorder.Record(t.Context(), batch(events...))
		h.Must(err)
	}
	var used int64
	h.Scan(&used, "SELECT sum(used)::bigint FROM limit_windows")
	if used != 300_000 { // nano-dollars
		t.Errorf("used %d", used)
	}
	h.Balanced()
	var float float64
	h.Scan(&float, "SELECT sum(?::float8) FROM generate_series(1, 3000)", tiny)
	if float*1e9 == 300_000 {
		t.Error("a float adds these costs up exactly: this test finds nothing")
	}
}

const tiny = "0.0000001"

// I-07: ten million tenths of a millionth dollar are a dollar, and in a float they are not.
func TestTenMillionTinyCostsAreADollar(t *testing.T) {
	cost, err := money.ParseMoney(tiny)
	if err != nil {
		t.Fatal(err)
	}
	float, err := strconv.ParseFloat(tiny, 64)
	if err != nil {
		t.Fatal(err)
	}
	sum, floats := money.Money(0), 0.0
	for range 10_000_000 {
		sum += cost
		floats += float
	}
	if sum.String() != "1" {
		t.Errorf("the sum is %s", sum)
	}
	if floats == 1 {
		t.Error("the sum of floats is 1 too: this test finds nothing")
	}
}
