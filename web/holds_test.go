package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// A named reservation is one reservation however often it is requested: again with the same content it gets the same
// answer, with other content a conflict, until it ends.
func TestNamedReservations(t *testing.T) {
	g := webtest.NewGateway(t)
	reserve := webtest.With(webtest.Model(g.Key), "estimated_cost", 3, "estimated_tokens", 100, "reserve", true, "reservation_id", "req_1/a")
	first := g.Admin.Decides(reserve, "allowed", 200)
	webtest.Same(t, "its name", first["reservation_id"], any("req_1/a"))
	g.Admin.Counted(webtest.Event(g.Key))
	for _, again := range []webtest.Object{
		reserve, webtest.With(reserve, "provider", nil, "model", "openai/gpt-4o"), webtest.With(reserve, "lease_s", 300),
	} {
		webtest.Same(t, "again", g.Admin.Decides(again, "allowed", 200), first)
	}
	byUser := g.Admin.Decides(webtest.With(reserve, "virtual_key", nil, "user_id", g.Ada), "allowed", 200)
	webtest.Same(t, "by the user's id", byUser, webtest.With(first, "virtual_key_id", nil))
	webtest.Same(t, "held", g.Holds(), []any{3.0, 100.0, 1.0, 3.0})
	_, bobs := g.Give(g.Bob, g.Work)
	for _, other := range []webtest.Object{
		webtest.With(reserve, "estimated_cost", 2), webtest.With(reserve, "estimated_tokens", 1), webtest.With(reserve, "model", "gpt-4o-mini"), webtest.With(reserve, "virtual_key", bobs),
		webtest.With(reserve, "lease_s", 10),
	} {
		g.Admin.API("POST", "/api/decisions", other).Refuses(409, "reservation_conflict", "reservation_id")
	}
	// The reservation takes the last room, and the same call is allowed again.
	g.Admin.Decides(webtest.With(reserve, "reservation_id", "req_2", "estimated_cost", 4), "allowed", 200)
	g.Admin.Decides(webtest.With(reserve, "reservation_id", "req_3"), "budget_exceeded", 402)
	webtest.Same(t, "again", g.Admin.Decides(reserve, "allowed", 200), first)
	g.Admin.Decides(webtest.With(reserve, "reservation_id", "req_2", "estimated_cost", 4), "allowed", 200)
	webtest.Same(t, "held", g.Holds(), []any{7.0, 200.0, 2.0, 7.0})
	// Its event settles it; then the name is free.
	g.Admin.Counted(webtest.Event(g.Key, "reservation_id", "req_1/a"))
	webtest.Same(t, "held", g.Holds(), []any{4.0, 100.0, 1.0, 4.0})
	g.Admin.Decides(webtest.With(reserve, "estimated_cost", 1), "allowed", 200)
	g.Exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	g.Admin.Decides(webtest.With(reserve, "estimated_cost", 2), "allowed", 200)
	webtest.Same(t, "reserved after one ended", g.Holds(), []any{2.0, 100.0, 1.0, 2.0})
	// A user who has lost access is not allowed again.
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, g.Held), `{"is_active":false}`).Is(200)
	g.Admin.WithinASecond(webtest.With(reserve, "estimated_cost", 2), "access_blocked")
	g.Balanced()
}

// Concurrent requests for the same name, on two consoles, reserve once.
func TestNamedReservationsAtOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	_, bobs := g.Give(g.Bob, g.Work)
	var all []func() webtest.Answer
	for i := range 24 {
		body := webtest.With(webtest.Model(g.Key), "estimated_cost", 1, "reserve", true, "reservation_id", fmt.Sprint("call-", i%3))
		caller := g.Admin
		if i%2 == 0 {
			caller = g.Admin.At(other)
		}
		all = append(all, func() webtest.Answer { return caller.API("POST", "/api/decisions", body) })
	}
	for range 4 {
		all = append(all, func() webtest.Answer {
			return g.Admin.API("POST", "/api/decisions", webtest.With(webtest.Model(bobs), "estimated_cost", 1, "reserve", true, "reservation_id", "bobs"))
		})
	}
	said := map[string]string{}
	for _, a := range webtest.Concurrently(all...) {
		d := a.Is(200).JSON()
		id := fmt.Sprint(d["reservation_id"])
		if said[id] == "" {
			said[id] = string(a.Body)
		}
		webtest.Same(t, id, string(a.Body), said[id])
		webtest.Same(t, id, d["type"], any("allowed"))
	}
	webtest.Same(t, "names", len(said), 4)
	webtest.Same(t, "holds", g.Count("reservations"), 4)
}

// A reservation lasts for the lease that was requested, longer when it is renewed, and no longer once it is released.
func TestReservationsAreRenewedAndReleased(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	reserve := webtest.With(webtest.Model(g.Key), "estimated_cost", 3, "reserve", true)
	ends := func(name string, seconds int) {
		t.Helper()
		var left float64
		g.Scan(&left, "SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM reservations WHERE coalesce(name, id::text) = ?", name)
		if left > float64(seconds) || left < float64(seconds)-20 {
			t.Errorf("%s ends in %v s, want %d", name, left, seconds)
		}
	}
	issued := g.Admin.Decides(reserve, "allowed", 200)["reservation_id"].(string)
	named := "a/b?c"
	g.Admin.Decides(webtest.With(reserve, "reservation_id", named, "lease_s", 3600), "allowed", 200)
	ends(issued, 300)
	ends(named, 3600)
	path := func(id string) string { return "/api/reservations/" + url.PathEscape(id) }
	for _, id := range []string{issued, named} {
		got := g.Admin.API("PUT", path(id), `{"lease_s":60}`).Is(200).Object("reservation")
		webtest.Same(t, "renewed", got["reservation_id"], any(id))
		at, err := time.Parse(time.RFC3339Nano, got["expires_at"].(string))
		if left := time.Until(at); err != nil || left < 40*time.Second || left > 80*time.Second {
			t.Errorf("renewed until %v", got["expires_at"])
		}
		ends(id, 60)
		g.Admin.API("PUT", "/api/governance/reservations/"+url.PathEscape(id), nil).Is(200)
		ends(id, 300)
	}
	webtest.Same(t, "held", g.Holds(), []any{6.0, 0.0, 2.0, 6.0})
	gateway, stranger := g.APIKey(webtest.Calls), g.APIKey("AccessProfiles:View")
	for n, id := range []string{named, issued} {
		gateway.API("DELETE", path(id), nil).Is(200)
		webtest.Same(t, "held here", g.Holds(), []any{float64(3 - 3*n), 0.0, float64(1 - n), float64(3 - 3*n)})
		g.Admin.At(other).API("DELETE", path(id), nil).Is(200)
		g.Admin.API("PUT", path(id), nil).Refuses(404, "not_found", "")
	}
	g.Admin.At(other).WithinASecond(webtest.With(webtest.Model(g.Key), "estimated_cost", 8), "allowed")
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(0))
	g.Admin.API("DELETE", path("never-held"), nil).Is(200)
	g.Admin.Decides(webtest.With(reserve, "reservation_id", named), "allowed", 200)
	g.Exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	g.Admin.API("PUT", path(named), nil).Refuses(404, "not_found", "")
	g.Unchanged(func() {
		g.Admin.API("DELETE", path("a b"), nil).Refuses(400, "invalid_reservation_id", "")
		g.Admin.API("PUT", path("é"), nil).Refuses(400, "invalid_reservation_id", "")
		for _, row := range [][3]string{
			{`"lease_s":9`, "number_out_of_range", "lease_s"},
			{`"lease_s":3601`, "number_out_of_range", "lease_s"},
			{`"lease_s":"60"`, "wrong_type", "lease_s"},
			{`"lease_s":60.5`, "not_an_integer", "lease_s"},
			{`"lease_s":null`, "null_not_allowed", "lease_s"},
			{`"lease":60`, "unknown_field", "lease"},
		} {
			g.Admin.API("PUT", path(named), "{"+row[0]+"}").Refuses(400, row[1], row[2])
			g.Admin.API("POST", "/api/decisions", `{"virtual_key":"`+g.Key+`","model":"openai/gpt-4o","reserve":true,`+row[0]+`}`).Refuses(400, row[1], row[2])
		}
		for _, name := range []string{`""`, `"a b"`, `"é"`, `7`, `"` + strings.Repeat("x", 256) + `"`} {
			g.Admin.API("POST", "/api/decisions", `{"virtual_key":"`+g.Key+`","model":"openai/gpt-4o","reserve":true,"reservation_id":`+name+`}`).
				Refuses(400, "invalid_reservation_id", "reservation_id")
		}
		for _, more := range []string{`"reservation_id":"x"`, `"lease_s":60`, `"reserve":false,"lease_s":60`} {
			g.Admin.API("POST", "/api/decisions", `{"virtual_key":"`+g.Key+`","model":"openai/gpt-4o",`+more+`}`).Refuses(400, "required", "reserve")
		}
		stranger.API("DELETE", path(named), nil).Refuses(403, "forbidden", "")
	})
	g.Balanced()
}

// An estimate of more than a whole limit can never be allowed, and the answer says so.
func TestEstimatesThatNeverFit(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, row := range []struct {
		ask    webtest.Object
		kind   string
		status int
		words  string
	}{
		{webtest.Object{"estimated_cost": 8.000000001}, "budget_exceeded", 402, "budget of $8.00 per day on openai in "},
		{webtest.Object{"estimated_cost": 11}, "budget_exceeded", 402, "budget of $10.00 per month in "},
		{webtest.Object{"estimated_tokens": 1001}, "token_limited", 429, "limit of 1,000 tokens per hour in "},
		{webtest.Object{"estimated_tokens": 1001, "estimated_cost": 11}, "token_limited", 429, "limit of 1,000 tokens per hour in "},
	} {
		for _, reserve := range []bool{false, true} {
			request := webtest.With(webtest.Model(g.Key), "reserve", reserve)
			for name, value := range row.ask {
				request = webtest.With(request, name, value)
			}
			d := g.Admin.Decides(request, row.kind, row.status)
			if d["never_fits"] != true || d["retry_after_s"] != nil || !strings.Contains(d["message"].(string), row.words) {
				t.Errorf("%v: %v", row.ask, d)
			}
		}
	}
	// If an estimate fits later, the answer says when; beside a used-up limit, the limit that it never fits decides.
	g.Admin.Counted(webtest.Event(g.Key, "tokens", 1000))
	d := g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_tokens", 1000), "token_limited", 429)
	if d["never_fits"] != nil || d["retry_after_s"] == nil || !strings.HasPrefix(d["message"].(string), "The limit of 1,000 tokens per hour in ") {
		t.Errorf("what fits later: %v", d)
	}
	d = g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 9), "budget_exceeded", 402)
	webtest.Same(t, "beside a limit that is used up", []any{d["never_fits"], d["retry_after_s"]}, []any{true, nil})
	// With a second copy that it fits sometimes, it can be allowed.
	g.Give(g.Ada, g.ProfileNaming("Roomy", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":20,"reset_duration":"1w"}]`))
	g.Admin.WithinASecond(webtest.With(webtest.Model(g.Key), "estimated_cost", 9), "allowed")
	g.Admin.Counted(webtest.Event(g.Key, "cost", 15))
	d = g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 9), "budget_exceeded", 402)
	webtest.Same(t, "with a copy that it fits into later", []any{d["never_fits"], d["retry_after_s"] != nil}, []any{nil, true})
}
