package decision

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/window"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// limitOf is a line of a window of a day that started at midnight, with what was used of it.
func limitOf(kind string, limit, used int64) entitlement.Limit {
	midnight := noon.Add(-12 * time.Hour)
	return entitlement.Limit{
		LimitTerms: &entitlement.LimitTerms{Kind: kind, Duration: "1d", Max: limit},
		Counter:    &entitlement.Counter{Anchor: midnight.UnixMicro(), Start: midnight.UnixMicro(), Used: used},
	}
}

// aCopy holds openai's gpt-4o, all of groq, and the tools of noonGrants, with limits in all.
func aCopy(name string, lines ...entitlement.Limit) entitlement.Copy {
	userCopy := entitlement.Copy{Terms: &entitlement.Terms{
		Name: name, Scopes: map[policy.Scope]entitlement.Range{{}: {From: 0, To: len(lines)}},
		Policy: &policy.Policy{ProviderConfigs: []policy.ProviderConfig{config("openai", "gpt-4o"), config("groq", "*")}},
	}, ID: int64(len(name)), ProfileID: 7, Active: true}
	limit(&userCopy, lines)
	return userCopy
}

func limit(userCopy *entitlement.Copy, lines []entitlement.Limit) {
	for _, l := range lines {
		if l.Special != nil {
			userCopy.Exceptions = append(userCopy.Exceptions, *l.Special)
			l.Nth = int32(len(userCopy.Exceptions))
		}
		userCopy.Limits, userCopy.Counters = append(userCopy.Limits, *l.LimitTerms), append(userCopy.Counters, *l.Counter)
	}
}

func noonGrants(*entitlement.Copy) []policy.Grant {
	return []policy.Grant{{Server: "github", Tools: []string{"read"}}}
}

func with(userCopy entitlement.Copy, change func(*entitlement.Copy)) entitlement.Copy {
	change(&userCopy)
	return userCopy
}

func paused(userCopy *entitlement.Copy) { userCopy.Active = false }

func ending(at time.Time) func(*entitlement.Copy) {
	return func(userCopy *entitlement.Copy) { userCopy.ExpiresAt = &at }
}

func grantingOnly(configs ...policy.ProviderConfig) func(*entitlement.Copy) {
	return func(userCopy *entitlement.Copy) { userCopy.Policy = &policy.Policy{ProviderConfigs: configs} }
}

func ofProvider(name string, lines ...entitlement.Limit) func(*entitlement.Copy) {
	return func(userCopy *entitlement.Copy) {
		from := len(userCopy.Limits)
		limit(userCopy, lines)
		for i := range lines {
			userCopy.Limits[from+i].Scope = policy.Scope{Provider: name}
		}
		userCopy.Scopes[policy.Scope{Provider: name}] = entitlement.Range{From: from, To: len(userCopy.Limits)}
	}
}

var (
	aModel    = entitlement.Call{Provider: "openai", Model: "gpt-4o"}
	aTool     = entitlement.Call{MCPClientID: "github", ToolName: "read"}
	otherTool = entitlement.Call{MCPClientID: "github", ToolName: "delete"}
)

// Every row of the order of refusals: what comes first wins, also when more is wrong.
func TestDecisionOrder(t *testing.T) {
	spent, tokens, requests := limitOf(policy.KindSpend, 5, 5), limitOf(policy.KindTokens, 5, 5), limitOf(policy.KindRequests, 5, 5)
	used := []entitlement.Limit{spent, tokens, requests}
	for _, c := range []struct {
		name   string
		copies []entitlement.Copy
		call   entitlement.Call
		kind   string
		status int
		payer  string // of which copy the answer is
	}{
		{"holds nothing", nil, aModel, AccessBlocked, 403, ""},
		{"paused", []entitlement.Copy{with(aCopy("A", used...), paused)}, entitlement.Call{Provider: "no", Model: "x"}, AccessBlocked, 403, ""},
		{"expired at this moment", []entitlement.Copy{with(aCopy("A"), ending(noon))}, aModel, AccessBlocked, 403, ""},
		{"expired, for a tool", []entitlement.Copy{with(aCopy("A"), ending(noon.Add(-time.Second)))}, aTool, AccessBlocked, 403, ""},
		{"about to expire", []entitlement.Copy{with(aCopy("A"), ending(noon.Add(1)))}, aModel, Allowed, 200, "A"},
		{"provider before limits", []entitlement.Copy{aCopy("A", used...)}, entitlement.Call{Provider: "azure", Model: "gpt-4o"}, ProviderBlocked, 403, "A"},
		{"provider before model", []entitlement.Copy{aCopy("A")}, entitlement.Call{Provider: "azure", Model: "gpt-3"}, ProviderBlocked, 403, "A"},
		{"model before limits", []entitlement.Copy{aCopy("A", used...)}, entitlement.Call{Provider: "openai", Model: "gpt-3"}, ModelBlocked, 403, "A"},
		{"tokens and requests", []entitlement.Copy{aCopy("A", used...)}, aModel, RateLimited, 429, "A"},
		{"tokens before budgets", []entitlement.Copy{aCopy("A", spent, tokens, limitOf(policy.KindRequests, 5, 4))}, aModel, TokenLimited, 429, "A"},
		{"requests before budgets", []entitlement.Copy{aCopy("A", spent, requests)}, aModel, RequestLimited, 429, "A"},
		{"budget", []entitlement.Copy{aCopy("A", spent, limitOf(policy.KindTokens, 5, 4), limitOf(policy.KindRequests, 5, 4))}, aModel, BudgetExceeded, 402, "A"},
		{"rate limit before a tool", []entitlement.Copy{aCopy("A", requests)}, otherTool, RequestLimited, 429, "A"},
		{"budget before a tool", []entitlement.Copy{aCopy("A", spent)}, otherTool, BudgetExceeded, 402, "A"},
		{"tool", []entitlement.Copy{aCopy("A", limitOf(policy.KindSpend, 5, 4))}, otherTool, MCPToolBlocked, 403, "A"},
		{"tool of another server", []entitlement.Copy{aCopy("A")}, entitlement.Call{MCPClientID: "jira", ToolName: "read"}, MCPToolBlocked, 403, "A"},
		{"tool without a name", []entitlement.Copy{aCopy("A")}, entitlement.Call{MCPClientID: "github"}, MCPToolBlocked, 403, "A"},
		{"granted tool, used up", []entitlement.Copy{aCopy("A", spent)}, aTool, BudgetExceeded, 402, "A"},
		{"granted tool", []entitlement.Copy{aCopy("A")}, aTool, Allowed, 200, "A"},
		{"model without any limit", []entitlement.Copy{aCopy("A")}, aModel, Allowed, 200, "A"},

		{"provider's budget", []entitlement.Copy{with(aCopy("A"), ofProvider("openai", spent))}, aModel, BudgetExceeded, 402, "A"},
		{"provider's budget and tokens in all", []entitlement.Copy{with(aCopy("A", tokens), ofProvider("openai", spent))}, aModel, TokenLimited, 429, "A"},
		{"tokens of a provider, requests in all", []entitlement.Copy{with(aCopy("A", requests), ofProvider("openai", tokens))}, aModel, RateLimited, 429, "A"},
		{"budget of another provider", []entitlement.Copy{with(aCopy("A"), ofProvider("openai", spent))}, entitlement.Call{Model: "groq/x"}, Allowed, 200, "A"},
		{"provider's budget by the model's name", []entitlement.Copy{with(aCopy("A"), ofProvider("groq", spent))}, entitlement.Call{Model: "groq/openai/gpt-4o"}, BudgetExceeded, 402, "A"},
		{"a tool is of no provider", []entitlement.Copy{with(aCopy("A"), ofProvider("openai", used...))}, aTool, Allowed, 200, "A"},

		{"access adds up: providers", []entitlement.Copy{with(aCopy("A"), grantingOnly(config("groq", "*"))), aCopy("BB")}, aModel, Allowed, 200, "BB"},
		{"access adds up: models", []entitlement.Copy{with(aCopy("A"), grantingOnly(config("openai", "x"))), aCopy("BB")}, aModel, Allowed, 200, "BB"},
		{"the first pays", []entitlement.Copy{aCopy("A"), aCopy("BB")}, aModel, Allowed, 200, "A"},
		{"the first with room pays", []entitlement.Copy{aCopy("A", spent), aCopy("BB", tokens), aCopy("CCC", limitOf(policy.KindSpend, 5, 4)), aCopy("DDDD")}, aModel, Allowed, 200, "CCC"},
		{"none has room: the first's answer", []entitlement.Copy{aCopy("A", spent), aCopy("BB", tokens)}, aModel, BudgetExceeded, 402, "A"},
		{"none has room, the other way round", []entitlement.Copy{aCopy("A", tokens), aCopy("BB", spent)}, aModel, TokenLimited, 429, "A"},
		{"the first that grants", []entitlement.Copy{with(aCopy("A", requests), grantingOnly()), aCopy("BB", spent)}, aModel, BudgetExceeded, 402, "BB"},
		{"a paused one pays nothing", []entitlement.Copy{with(aCopy("A"), paused), aCopy("BB", spent), aCopy("CCC")}, aModel, Allowed, 200, "CCC"},
		{"a paused one grants nothing", []entitlement.Copy{with(aCopy("A"), paused), with(aCopy("BB"), grantingOnly())}, aModel, ProviderBlocked, 403, "BB"},
		{"an expired one pays nothing", []entitlement.Copy{with(aCopy("A"), ending(noon)), aCopy("BB")}, aModel, Allowed, 200, "BB"},
		{"one knows the provider", []entitlement.Copy{with(aCopy("A"), grantingOnly()), with(aCopy("BB"), grantingOnly(config("openai", "x")))}, aModel, ModelBlocked, 403, "BB"},
	} {
		h := &entitlement.Entitlements{Copies: c.copies}
		d, _ := Decide(h, c.call, noonGrants, noon)
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
	raised := func(by int64, until *time.Time) entitlement.Limit {
		l := limitOf(policy.KindSpend, 5, 5)
		l.Special = &entitlement.Exception{Raised: by, RaisedUntil: until}
		return l
	}
	reserved := limitOf(policy.KindSpend, 5, 3)
	reserved.Reserved = 2
	earlier := limitOf(policy.KindSpend, 5, 5)
	earlier.Start -= window.Day.Microseconds()
	for _, c := range []struct {
		name string
		line entitlement.Limit
		call entitlement.Call
		want bool
	}{
		{"below", limitOf(policy.KindSpend, 5, 4), aModel, true},
		{"exactly at the limit", limitOf(policy.KindSpend, 5, 5), aModel, false},
		{"past the limit", limitOf(policy.KindSpend, 5, 6), aModel, false},
		{"a limit of nothing", limitOf(policy.KindSpend, 0, 0), aModel, false},
		{"the estimate fits", limitOf(policy.KindSpend, 5, 2), entitlement.Call{Provider: "openai", Model: "gpt-4o", Cost: 3}, true},
		{"the estimate is too much", limitOf(policy.KindSpend, 5, 2), entitlement.Call{Provider: "openai", Model: "gpt-4o", Cost: 4}, false},
		{"tokens fit", limitOf(policy.KindTokens, 5, 2), entitlement.Call{Provider: "openai", Model: "gpt-4o", Tokens: 3}, true},
		{"tokens are too many", limitOf(policy.KindTokens, 5, 2), entitlement.Call{Provider: "openai", Model: "gpt-4o", Tokens: 4}, false},
		{"the last request", limitOf(policy.KindRequests, 5, 4), aModel, true},
		{"no request is left", limitOf(policy.KindRequests, 5, 5), aModel, false},
		{"an estimate of tokens costs nothing", limitOf(policy.KindSpend, 5, 4), entitlement.Call{Provider: "openai", Model: "gpt-4o", Tokens: 1000}, true},
		{"what is reserved counts", reserved, aModel, false},
		{"what was used in another window does not", earlier, aModel, true},
		{"raised for good", raised(1, nil), aModel, true},
		{"raised, and used up all the same", raised(1, nil), entitlement.Call{Provider: "openai", Model: "gpt-4o", Cost: 2}, false},
		{"raised until later", raised(1, until(noon.Add(time.Microsecond))), aModel, true},
		{"raised until now", raised(1, until(noon)), aModel, false},
		{"the largest numbers", limitOf(policy.KindTokens, input.MaxCount, input.MaxCount-1), entitlement.Call{Provider: "openai", Model: "gpt-4o", Tokens: input.MaxCount}, false},
	} {
		h := &entitlement.Entitlements{Copies: []entitlement.Copy{aCopy("A", c.line)}}
		if d, _ := Decide(h, c.call, noonGrants, noon); d.Decision != c.want {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	zero := limitOf(policy.KindSpend, 0, 0)
	zero.Special = &entitlement.Exception{Raised: 1}
	if d, _ := Decide((&entitlement.Entitlements{Copies: []entitlement.Copy{aCopy("A", zero)}}), aModel, nil, noon); !d.Decision {
		t.Errorf("a limit of nothing that is raised: %+v", d)
	}
}

// A call fits again when the last of those limits that refuse it has reset.
func TestRetryAfterIsWhenItFitsAgain(t *testing.T) {
	hour := limitOf(policy.KindTokens, 5, 5)
	hour.Duration, hour.Start = "1h", noon.UnixMicro()
	requests := limitOf(policy.KindRequests, 5, 5)
	budget := limitOf(policy.KindSpend, 5, 5)
	budget.Duration = "1M"
	for _, c := range []struct {
		lines []entitlement.Limit
		want  int64
	}{{[]entitlement.Limit{hour}, 3601}, {[]entitlement.Limit{hour, requests}, 12*3600 + 1}, {[]entitlement.Limit{hour, budget}, 3601}, {[]entitlement.Limit{budget}, 29*24*3600 + 12*3600 + 1}} {
		d := aCopy("A", c.lines...)
		if got := checkLimits(&d, aModel, noon); got.RetryAfter == nil || *got.RetryAfter != c.want {
			t.Errorf("%v: %+v, want %d", c.lines, got, c.want)
		}
	}
}

// boundaryFault is what decisions make of the edges of a window under way, when that is not the window given; else "".
func boundaryFault(duration string, calendar window.Calendar, anchor, start, end time.Time) string {
	l := entitlement.Limit{
		LimitTerms: &entitlement.LimitTerms{Kind: policy.KindSpend, Duration: duration, Quarter: 2, Calendar: calendar, Max: 5},
		Counter:    &entitlement.Counter{Anchor: anchor.UnixMicro(), Start: start.UnixMicro(), Used: 5},
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
		userCopy := aCopy("A", l)
		if d := checkLimits(&userCopy, aModel, c.at); d.Decision != c.room {
			return fmt.Sprintf("%s, calendar %v, at %s: %+v", duration, calendar, c.at, d)
		}
	}
	return ""
}

// I-23: the last microsecond belongs to the old window, the boundary to the new one. The twins are windows that hold
// their end, or do not hold their last microsecond.
func TestBoundaryOfWindows(t *testing.T) {
	anchor := time.Date(2026, 1, 31, 10, 30, 0, 123456000, time.UTC)
	for _, calendar := range []window.Calendar{{}, {CalendarAligned: true}, {CalendarAligned: true, TimeZone: "Europe/Berlin"}} {
		for _, duration := range append([]string{"1m"}, policy.BudgetDurations...) {
			start, end := window.Window(duration, 2, calendar, anchor, noon)
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
		{Amount{int64(money.MaxMoney), true}, "1000000000"},
		{Amount{0, false}, "0"},
		{Amount{60, false}, "60"},
		{Amount{9_223_372_036, false}, "9223372036"},
		{Amount{10_000_000_000, false}, "10000000000"},
		{Amount{input.MaxCount, false}, "9007199254740991"},
	} {
		if got, err := c.amount.MarshalJSON(); err != nil || string(got) != c.want {
			t.Errorf("%+v: %s, %v, want %s", c.amount, got, err, c.want)
		}
	}
}
