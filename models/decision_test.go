package models

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// limitOf is a line of a window of a day that started at midnight, with what was used of it.
func limitOf(kind string, limit, used int64) countedLine {
	midnight := noon.Add(-12 * time.Hour)
	return countedLine{
		lineForm: &lineForm{kind: kind, duration: "1d", max: limit, scope: "total"},
		counter:  &counter{anchor: midnight.UnixMicro(), start: midnight.UnixMicro(), used: used},
	}
}

// aCopy holds openai's gpt-4o, all of groq, and the tools of noonGrants, with limits in all.
func aCopy(name string, lines ...countedLine) heldCopy {
	held := heldCopy{form: &form{
		name: name, total: places{0, len(lines)}, providers: map[string]places{},
		policy: &Policy{ProviderConfigs: []ProviderConfig{config("openai", "gpt-4o"), config("groq", "*")}},
	}, id: int64(len(name)), profileID: 7, active: true}
	held.limit(lines)
	return held
}

func (held *heldCopy) limit(lines []countedLine) {
	for _, l := range lines {
		if l.special != nil {
			held.specials = append(held.specials, *l.special)
			l.nth = int32(len(held.specials))
		}
		held.limits, held.counters = append(held.limits, *l.lineForm), append(held.counters, *l.counter)
	}
}

func noonGrants(*heldCopy) []Grant { return []Grant{{Server: "github", Tools: []string{"read"}}} }

func (held heldCopy) with(change func(*heldCopy)) heldCopy {
	change(&held)
	return held
}

func paused(held *heldCopy) { held.active = false }

func ending(at time.Time) func(*heldCopy) { return func(held *heldCopy) { held.expiresAt = &at } }

func grantingOnly(configs ...ProviderConfig) func(*heldCopy) {
	return func(held *heldCopy) { held.policy = &Policy{ProviderConfigs: configs} }
}

func ofProvider(name string, lines ...countedLine) func(*heldCopy) {
	return func(held *heldCopy) {
		from := len(held.limits)
		held.limit(lines)
		for i := range lines {
			held.limits[from+i].scope = "provider:" + name
		}
		held.providers[name] = places{from, len(held.limits)}
	}
}

var (
	aModel    = Question{Provider: "openai", Model: "gpt-4o"}
	aTool     = Question{MCPClientID: "github", ToolName: "read"}
	otherTool = Question{MCPClientID: "github", ToolName: "delete"}
)

// Every row of the order of refusals: what comes first wins, whatever else is wrong too.
func TestDecisionOrder(t *testing.T) {
	spent, tokens, requests := limitOf(kindSpend, 5, 5), limitOf(kindTokens, 5, 5), limitOf(kindRequests, 5, 5)
	used := []countedLine{spent, tokens, requests}
	for _, c := range []struct {
		name   string
		copies []heldCopy
		q      Question
		kind   string
		status int
		payer  string // of which copy the answer is
	}{
		{"holds nothing", nil, aModel, AccessBlocked, 403, ""},
		{"paused", []heldCopy{aCopy("A", used...).with(paused)}, Question{Provider: "no", Model: "x"}, AccessBlocked, 403, ""},
		{"expired at this moment", []heldCopy{aCopy("A").with(ending(noon))}, aModel, AccessBlocked, 403, ""},
		{"expired, for a tool", []heldCopy{aCopy("A").with(ending(noon.Add(-time.Second)))}, aTool, AccessBlocked, 403, ""},
		{"about to expire", []heldCopy{aCopy("A").with(ending(noon.Add(1)))}, aModel, Allowed, 200, "A"},
		{"provider before limits", []heldCopy{aCopy("A", used...)}, Question{Provider: "azure", Model: "gpt-4o"}, ProviderBlocked, 403, "A"},
		{"provider before model", []heldCopy{aCopy("A")}, Question{Provider: "azure", Model: "gpt-3"}, ProviderBlocked, 403, "A"},
		{"model before limits", []heldCopy{aCopy("A", used...)}, Question{Provider: "openai", Model: "gpt-3"}, ModelBlocked, 403, "A"},
		{"tokens and requests", []heldCopy{aCopy("A", used...)}, aModel, RateLimited, 429, "A"},
		{"tokens before budgets", []heldCopy{aCopy("A", spent, tokens, limitOf(kindRequests, 5, 4))}, aModel, TokenLimited, 429, "A"},
		{"requests before budgets", []heldCopy{aCopy("A", spent, requests)}, aModel, RequestLimited, 429, "A"},
		{"budget", []heldCopy{aCopy("A", spent, limitOf(kindTokens, 5, 4), limitOf(kindRequests, 5, 4))}, aModel, BudgetExceeded, 402, "A"},
		{"rate limit before a tool", []heldCopy{aCopy("A", requests)}, otherTool, RequestLimited, 429, "A"},
		{"budget before a tool", []heldCopy{aCopy("A", spent)}, otherTool, BudgetExceeded, 402, "A"},
		{"tool", []heldCopy{aCopy("A", limitOf(kindSpend, 5, 4))}, otherTool, MCPToolBlocked, 403, "A"},
		{"tool of another server", []heldCopy{aCopy("A")}, Question{MCPClientID: "jira", ToolName: "read"}, MCPToolBlocked, 403, "A"},
		{"tool without a name", []heldCopy{aCopy("A")}, Question{MCPClientID: "github"}, MCPToolBlocked, 403, "A"},
		{"granted tool, used up", []heldCopy{aCopy("A", spent)}, aTool, BudgetExceeded, 402, "A"},
		{"granted tool", []heldCopy{aCopy("A")}, aTool, Allowed, 200, "A"},
		{"model without any limit", []heldCopy{aCopy("A")}, aModel, Allowed, 200, "A"},

		{"provider's budget", []heldCopy{aCopy("A").with(ofProvider("openai", spent))}, aModel, BudgetExceeded, 402, "A"},
		{"provider's budget and tokens in all", []heldCopy{aCopy("A", tokens).with(ofProvider("openai", spent))}, aModel, TokenLimited, 429, "A"},
		{"tokens of a provider, requests in all", []heldCopy{aCopy("A", requests).with(ofProvider("openai", tokens))}, aModel, RateLimited, 429, "A"},
		{"budget of another provider", []heldCopy{aCopy("A").with(ofProvider("openai", spent))}, Question{Model: "groq/x"}, Allowed, 200, "A"},
		{"provider's budget by the model's name", []heldCopy{aCopy("A").with(ofProvider("groq", spent))}, Question{Model: "groq/openai/gpt-4o"}, BudgetExceeded, 402, "A"},
		{"a tool is of no provider", []heldCopy{aCopy("A").with(ofProvider("openai", used...))}, aTool, Allowed, 200, "A"},

		{"access adds up: providers", []heldCopy{aCopy("A").with(grantingOnly(config("groq", "*"))), aCopy("BB")}, aModel, Allowed, 200, "BB"},
		{"access adds up: models", []heldCopy{aCopy("A").with(grantingOnly(config("openai", "x"))), aCopy("BB")}, aModel, Allowed, 200, "BB"},
		{"the first pays", []heldCopy{aCopy("A"), aCopy("BB")}, aModel, Allowed, 200, "A"},
		{"the first with room pays", []heldCopy{aCopy("A", spent), aCopy("BB", tokens), aCopy("CCC", limitOf(kindSpend, 5, 4)), aCopy("DDDD")}, aModel, Allowed, 200, "CCC"},
		{"none has room: the first's answer", []heldCopy{aCopy("A", spent), aCopy("BB", tokens)}, aModel, BudgetExceeded, 402, "A"},
		{"none has room, the other way round", []heldCopy{aCopy("A", tokens), aCopy("BB", spent)}, aModel, TokenLimited, 429, "A"},
		{"the first that grants", []heldCopy{aCopy("A", requests).with(grantingOnly()), aCopy("BB", spent)}, aModel, BudgetExceeded, 402, "BB"},
		{"a paused one pays nothing", []heldCopy{aCopy("A").with(paused), aCopy("BB", spent), aCopy("CCC")}, aModel, Allowed, 200, "CCC"},
		{"a paused one grants nothing", []heldCopy{aCopy("A").with(paused), aCopy("BB").with(grantingOnly())}, aModel, ProviderBlocked, 403, "BB"},
		{"an expired one pays nothing", []heldCopy{aCopy("A").with(ending(noon)), aCopy("BB")}, aModel, Allowed, 200, "BB"},
		{"one knows the provider", []heldCopy{aCopy("A").with(grantingOnly()), aCopy("BB").with(grantingOnly(config("openai", "x")))}, aModel, ModelBlocked, 403, "BB"},
	} {
		h := &holding{copies: c.copies}
		d, _ := h.decide(c.q, noonGrants, noon)
		payer := ""
		if d.Payer != nil {
			payer = d.Payer.Name
		}
		if d.Decision != (c.kind == Allowed) || d.Type != c.kind || d.StatusCode != c.status || payer != c.payer || d.Message == "" || d.Limits == nil {
			t.Errorf("%s: %+v of %q, want %s %d of %q", c.name, d, payer, c.kind, c.status, c.payer)
		}
		if limited := slices.Contains([]int{402, 429}, c.status); limited != (d.RetryAfter != nil) {
			t.Errorf("%s: retry after %v", c.name, d.RetryAfter)
		} else if limited && *d.RetryAfter != 12*3600+1 { // the day ends in twelve hours
			t.Errorf("%s: retry after %d s", c.name, *d.RetryAfter)
		}
	}
}

func TestRoom(t *testing.T) {
	until := func(at time.Time) *time.Time { return &at }
	raised := func(by int64, until *time.Time) countedLine {
		l := limitOf(kindSpend, 5, 5)
		l.special = &special{raised: by, raisedUntil: until}
		return l
	}
	reserved := limitOf(kindSpend, 5, 3)
	reserved.reserved = 2
	earlier := limitOf(kindSpend, 5, 5)
	earlier.start -= day.Microseconds()
	for _, c := range []struct {
		name string
		line countedLine
		q    Question
		want bool
	}{
		{"below", limitOf(kindSpend, 5, 4), aModel, true},
		{"exactly at the limit", limitOf(kindSpend, 5, 5), aModel, false},
		{"past the limit", limitOf(kindSpend, 5, 6), aModel, false},
		{"a limit of nothing", limitOf(kindSpend, 0, 0), aModel, false},
		{"the estimate fits", limitOf(kindSpend, 5, 2), Question{Provider: "openai", Model: "gpt-4o", Cost: 3}, true},
		{"the estimate is too much", limitOf(kindSpend, 5, 2), Question{Provider: "openai", Model: "gpt-4o", Cost: 4}, false},
		{"tokens fit", limitOf(kindTokens, 5, 2), Question{Provider: "openai", Model: "gpt-4o", Tokens: 3}, true},
		{"tokens are too many", limitOf(kindTokens, 5, 2), Question{Provider: "openai", Model: "gpt-4o", Tokens: 4}, false},
		{"the last request", limitOf(kindRequests, 5, 4), aModel, true},
		{"no request is left", limitOf(kindRequests, 5, 5), aModel, false},
		{"an estimate of tokens costs nothing", limitOf(kindSpend, 5, 4), Question{Provider: "openai", Model: "gpt-4o", Tokens: 1000}, true},
		{"what is reserved counts", reserved, aModel, false},
		{"what was used in another window does not", earlier, aModel, true},
		{"raised for good", raised(1, nil), aModel, true},
		{"raised, and used up all the same", raised(1, nil), Question{Provider: "openai", Model: "gpt-4o", Cost: 2}, false},
		{"raised until later", raised(1, until(noon.Add(time.Microsecond))), aModel, true},
		{"raised until now", raised(1, until(noon)), aModel, false},
		{"the largest numbers", limitOf(kindTokens, MaxCount, MaxCount-1), Question{Provider: "openai", Model: "gpt-4o", Tokens: MaxCount}, false},
	} {
		h := &holding{copies: []heldCopy{aCopy("A", c.line)}}
		if d, _ := h.decide(c.q, noonGrants, noon); d.Decision != c.want {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	zero := limitOf(kindSpend, 0, 0)
	zero.special = &special{raised: 1}
	if d, _ := (&holding{copies: []heldCopy{aCopy("A", zero)}}).decide(aModel, nil, noon); !d.Decision {
		t.Errorf("a limit of nothing that is raised: %+v", d)
	}
}

// A call fits again when the last of those limits that refuse it has reset.
func TestRetryAfterIsWhenItFitsAgain(t *testing.T) {
	hour := limitOf(kindTokens, 5, 5)
	hour.duration, hour.start = "1h", noon.UnixMicro()
	requests := limitOf(kindRequests, 5, 5)
	budget := limitOf(kindSpend, 5, 5)
	budget.duration = "1M"
	for _, c := range []struct {
		lines []countedLine
		want  int64
	}{{[]countedLine{hour}, 3601}, {[]countedLine{hour, requests}, 12*3600 + 1}, {[]countedLine{hour, budget}, 3601}, {[]countedLine{budget}, 29*24*3600 + 12*3600 + 1}} {
		d := aCopy("A", c.lines...)
		if got := d.room(aModel, noon); got.RetryAfter == nil || *got.RetryAfter != c.want {
			t.Errorf("%v: %+v, want %d", c.lines, got, c.want)
		}
	}
}

// boundaryFault is what decisions make of the edges of a window under way, when that is not the window given; else "".
func boundaryFault(duration string, calendar Calendar, anchor, start, end time.Time) string {
	l := countedLine{
		lineForm: &lineForm{kind: kindSpend, duration: duration, quarter: 2, calendar: calendar, max: 5, scope: "total"},
		counter:  &counter{anchor: anchor.UnixMicro(), start: start.UnixMicro(), used: 5},
	}
	for _, c := range []struct {
		at   time.Time
		room bool
	}{
		{start.Add(-time.Microsecond), true},
		{start, false},
		{start.Add(time.Microsecond), false},
		{end.Add(-time.Microsecond), false},
		{end, true},
		{end.Add(time.Microsecond), true},
	} {
		held := aCopy("A", l)
		if d := held.room(aModel, c.at); d.Decision != c.room {
			return fmt.Sprintf("%s, calendar %v, at %s: %+v", duration, calendar, c.at, d)
		}
	}
	return ""
}

// I-23: the last microsecond belongs to the old window, the boundary to the new one. The twins are windows that hold their end, or do not
// hold their last microsecond.
func TestBoundaryOfWindows(t *testing.T) {
	anchor := time.Date(2026, 1, 31, 10, 30, 0, 123456000, time.UTC)
	for _, calendar := range []Calendar{{}, {CalendarAligned: true}, {true, "Europe/Berlin"}} {
		for _, duration := range BudgetDurations {
			start, end := Window(duration, 2, calendar, anchor, noon)
			if found := boundaryFault(duration, calendar, anchor, start, end); found != "" {
				t.Error(found)
			}
			for _, off := range []time.Duration{-time.Microsecond, time.Microsecond} {
				if boundaryFault(duration, calendar, anchor, start, end.Add(off)) == "" {
					t.Errorf("%s, calendar %v: an end that is off by %s is not found", duration, calendar, off)
				}
			}
		}
	}
}

// Amounts are exact, in dollars or as a count, up to the largest limit there can be.
func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		amount Amount
		want   string
	}{
		{Amount{0, true}, "0"},
		{Amount{1, true}, "0.000000001"},
		{Amount{20_500_000_000, true}, "20.5"},
		{Amount{int64(MaxMoney), true}, "1000000000"},
		{Amount{0, false}, "0"},
		{Amount{60, false}, "60"},
		{Amount{9_223_372_036, false}, "9223372036"},
		{Amount{10_000_000_000, false}, "10000000000"},
		{Amount{MaxCount, false}, "9007199254740991"},
	} {
		if got, err := c.amount.MarshalJSON(); err != nil || string(got) != c.want {
			t.Errorf("%+v: %s, %v, want %s", c.amount, got, err, c.want)
		}
	}
}
