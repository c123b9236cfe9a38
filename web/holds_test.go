package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// holds is what is reserved of ada's limits, according to a decision.
func (g gateway) holds() (all []any) {
	g.t.Helper()
	for _, line := range objects(g.admin.ask(model(g.key))["limits"]) {
		all = append(all, line["reserved"])
	}
	return all
}

// A named reservation is one reservation however often it is requested: again with the same content it gets the same
// answer, with other content a conflict, until it ends.
func TestNamedReservations(t *testing.T) {
	g := newGateway(t)
	reserve := with(model(g.key), "estimated_cost", 3, "estimated_tokens", 100, "reserve", true, "reservation_id", "req_1/a")
	first := g.admin.decides(reserve, "allowed", 200)
	same(t, "its name", first["reservation_id"], any("req_1/a"))
	g.admin.counted(event(g.key))
	for _, again := range []object{
		reserve, with(reserve, "provider", nil, "model", "openai/gpt-4o"), with(reserve, "lease_s", 300),
	} {
		same(t, "again", g.admin.decides(again, "allowed", 200), first)
	}
	byUser := g.admin.decides(with(reserve, "virtual_key", nil, "user_id", g.ada), "allowed", 200)
	same(t, "by the user's id", byUser, with(first, "virtual_key_id", nil))
	same(t, "held", g.holds(), []any{3.0, 100.0, 1.0, 3.0})
	_, bobs := g.give(g.bob, g.work)
	for _, other := range []object{
		with(reserve, "estimated_cost", 2), with(reserve, "estimated_tokens", 1), with(reserve, "model", "gpt-4o-mini"), with(reserve, "virtual_key", bobs),
		with(reserve, "lease_s", 10),
	} {
		g.admin.api("POST", "/api/decisions", other).refuses(409, "reservation_conflict", "reservation_id")
	}
	// The reservation takes the last room, and the same call is allowed again.
	g.admin.decides(with(reserve, "reservation_id", "req_2", "estimated_cost", 4), "allowed", 200)
	g.admin.decides(with(reserve, "reservation_id", "req_3"), "budget_exceeded", 402)
	same(t, "again", g.admin.decides(reserve, "allowed", 200), first)
	g.admin.decides(with(reserve, "reservation_id", "req_2", "estimated_cost", 4), "allowed", 200)
	same(t, "held", g.holds(), []any{7.0, 200.0, 2.0, 7.0})
	// Its event settles it; then the name is free.
	g.admin.counted(event(g.key, "reservation_id", "req_1/a"))
	same(t, "held", g.holds(), []any{4.0, 100.0, 1.0, 4.0})
	g.admin.decides(with(reserve, "estimated_cost", 1), "allowed", 200)
	g.exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	g.admin.decides(with(reserve, "estimated_cost", 2), "allowed", 200)
	same(t, "reserved after one ended", g.holds(), []any{2.0, 100.0, 1.0, 2.0})
	// A user who has lost access is not allowed again.
	g.admin.api("PUT", "/api"+copyPath(g.ada, g.held), `{"is_active":false}`).is(200)
	g.admin.withinASecond(with(reserve, "estimated_cost", 2), "access_blocked")
	g.balanced()
}

// Concurrent requests for the same name, on two consoles, reserve once.
func TestNamedReservationsAtOnce(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	_, bobs := g.give(g.bob, g.work)
	var all []func() answer
	for i := range 24 {
		body := with(model(g.key), "estimated_cost", 1, "reserve", true, "reservation_id", fmt.Sprint("call-", i%3))
		caller := g.admin
		if i%2 == 0 {
			caller = g.admin.at(other)
		}
		all = append(all, func() answer { return caller.api("POST", "/api/decisions", body) })
	}
	for range 4 {
		all = append(all, func() answer {
			return g.admin.api("POST", "/api/decisions", with(model(bobs), "estimated_cost", 1, "reserve", true, "reservation_id", "bobs"))
		})
	}
	said := map[string]string{}
	for _, a := range concurrently(all...) {
		d := a.is(200).json()
		id := fmt.Sprint(d["reservation_id"])
		if said[id] == "" {
			said[id] = string(a.body)
		}
		same(t, id, string(a.body), said[id])
		same(t, id, d["type"], any("allowed"))
	}
	same(t, "names", len(said), 4)
	same(t, "holds", g.count("reservations"), 4)
}

// A reservation lasts for the lease that was requested, longer when it is renewed, and no longer once it is released.
func TestReservationsAreRenewedAndReleased(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	reserve := with(model(g.key), "estimated_cost", 3, "reserve", true)
	ends := func(name string, seconds int) {
		t.Helper()
		var left float64
		g.scan(&left, "SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM reservations WHERE coalesce(name, id::text) = ?", name)
		if left > float64(seconds) || left < float64(seconds)-20 {
			t.Errorf("%s ends in %v s, want %d", name, left, seconds)
		}
	}
	issued := g.admin.decides(reserve, "allowed", 200)["reservation_id"].(string)
	named := "a/b?c"
	g.admin.decides(with(reserve, "reservation_id", named, "lease_s", 3600), "allowed", 200)
	ends(issued, 300)
	ends(named, 3600)
	path := func(id string) string { return "/api/reservations/" + url.PathEscape(id) }
	for _, id := range []string{issued, named} {
		got := g.admin.api("PUT", path(id), `{"lease_s":60}`).is(200).object("reservation")
		same(t, "renewed", got["reservation_id"], any(id))
		at, err := time.Parse(time.RFC3339Nano, got["expires_at"].(string))
		if left := time.Until(at); err != nil || left < 40*time.Second || left > 80*time.Second {
			t.Errorf("renewed until %v", got["expires_at"])
		}
		ends(id, 60)
		g.admin.api("PUT", "/api/governance/reservations/"+url.PathEscape(id), nil).is(200)
		ends(id, 300)
	}
	same(t, "held", g.holds(), []any{6.0, 0.0, 2.0, 6.0})
	reader, stranger := g.apiKey("Usage:View"), g.apiKey("AccessProfiles:View")
	for n, id := range []string{named, issued} {
		reader.api("DELETE", path(id), nil).is(200)
		same(t, "held here", g.holds(), []any{float64(3 - 3*n), 0.0, float64(1 - n), float64(3 - 3*n)})
		g.admin.at(other).api("DELETE", path(id), nil).is(200)
		g.admin.api("PUT", path(id), nil).refuses(404, "not_found", "")
	}
	g.admin.at(other).withinASecond(with(model(g.key), "estimated_cost", 8), "allowed")
	same(t, "used", g.used(g.ada), afterCalls(0))
	g.admin.api("DELETE", path("never-held"), nil).is(200)
	g.admin.decides(with(reserve, "reservation_id", named), "allowed", 200)
	g.exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	g.admin.api("PUT", path(named), nil).refuses(404, "not_found", "")
	g.unchanged(func() {
		g.admin.api("DELETE", path("a b"), nil).refuses(400, "invalid_reservation_id", "")
		g.admin.api("PUT", path("é"), nil).refuses(400, "invalid_reservation_id", "")
		for _, row := range [][3]string{
			{`"lease_s":9`, "number_out_of_range", "lease_s"},
			{`"lease_s":3601`, "number_out_of_range", "lease_s"},
			{`"lease_s":"60"`, "wrong_type", "lease_s"},
			{`"lease_s":60.5`, "not_an_integer", "lease_s"},
			{`"lease_s":null`, "null_not_allowed", "lease_s"},
			{`"lease":60`, "unknown_field", "lease"},
		} {
			g.admin.api("PUT", path(named), "{"+row[0]+"}").refuses(400, row[1], row[2])
			g.admin.api("POST", "/api/decisions", `{"virtual_key":"`+g.key+`","model":"openai/gpt-4o","reserve":true,`+row[0]+`}`).refuses(400, row[1], row[2])
		}
		for _, name := range []string{`""`, `"a b"`, `"é"`, `7`, `"` + strings.Repeat("x", 256) + `"`} {
			g.admin.api("POST", "/api/decisions", `{"virtual_key":"`+g.key+`","model":"openai/gpt-4o","reserve":true,"reservation_id":`+name+`}`).
				refuses(400, "invalid_reservation_id", "reservation_id")
		}
		for _, more := range []string{`"reservation_id":"x"`, `"lease_s":60`, `"reserve":false,"lease_s":60`} {
			g.admin.api("POST", "/api/decisions", `{"virtual_key":"`+g.key+`","model":"openai/gpt-4o",`+more+`}`).refuses(400, "required", "reserve")
		}
		stranger.api("DELETE", path(named), nil).refuses(403, "forbidden", "")
	})
	g.balanced()
}

// An estimate of more than a whole limit can never be allowed, and the answer says so.
func TestEstimatesThatNeverFit(t *testing.T) {
	g := newGateway(t)
	for _, row := range []struct {
		ask    object
		kind   string
		status int
		words  string
	}{
		{object{"estimated_cost": 8.000000001}, "budget_exceeded", 402, "spend limit per 1d on openai"},
		{object{"estimated_cost": 11}, "budget_exceeded", 402, "spend limit per 1M"},
		{object{"estimated_tokens": 1001}, "token_limited", 429, "tokens limit per 1h"},
		{object{"estimated_tokens": 1001, "estimated_cost": 11}, "token_limited", 429, "tokens limit per 1h"},
	} {
		for _, reserve := range []bool{false, true} {
			request := with(model(g.key), "reserve", reserve)
			for name, value := range row.ask {
				request = with(request, name, value)
			}
			d := g.admin.decides(request, row.kind, row.status)
			if d["never_fits"] != true || d["retry_after_s"] != nil || !strings.Contains(d["message"].(string), row.words) {
				t.Errorf("%v: %v", row.ask, d)
			}
		}
	}
	// If an estimate fits later, the answer says when; beside a used-up limit, the limit that it never fits decides.
	g.admin.counted(event(g.key, "tokens", 1000))
	d := g.admin.decides(with(model(g.key), "estimated_tokens", 1000), "token_limited", 429)
	if d["never_fits"] != nil || d["retry_after_s"] == nil {
		t.Errorf("what fits later: %v", d)
	}
	d = g.admin.decides(with(model(g.key), "estimated_cost", 9), "budget_exceeded", 402)
	same(t, "beside a limit that is used up", []any{d["never_fits"], d["retry_after_s"]}, []any{true, nil})
	// With a second copy that it fits sometimes, it can be allowed.
	g.give(g.ada, g.profileNaming("Roomy", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":20,"reset_duration":"1w"}]`))
	g.admin.withinASecond(with(model(g.key), "estimated_cost", 9), "allowed")
	g.admin.counted(event(g.key, "cost", 15))
	d = g.admin.decides(with(model(g.key), "estimated_cost", 9), "budget_exceeded", 402)
	same(t, "with a copy that it fits into later", []any{d["never_fits"], d["retry_after_s"] != nil}, []any{nil, true})
}
