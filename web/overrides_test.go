package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// lines is every budget of a copy by "scope duration".
func lines(held object) map[string]object {
	all := map[string]object{}
	add := func(scope object) {
		for _, budget := range objects(scope["budgets"]) {
			all[fmt.Sprint(budget["scope"], " ", budget["reset_duration"])] = budget
		}
	}
	add(held)
	for _, config := range objects(held["provider_configs"]) {
		add(config)
	}
	return all
}

// raised is what a budget shows of its override: amount, mode, windows left, and the limit with it; nil for absent
// members.
func raised(budget object) []any {
	return []any{budget["override_amount"], budget["override_mode"], budget["override_cycles_remaining"], budget["effective_max_limit"]}
}

var notRaised = []any{nil, nil, nil, nil}

func TestOverride(t *testing.T) {
	s := newStage(t)
	held, _ := s.assign(s.ada, research)
	daily, quarterly := lines(held)["provider:openai 1d"], lines(held)["provider:openai 1Q"]
	for i, prefix := range []string{"/api", "/api/governance"} {
		path := strings.Replace(overridePath(s.ada, held, daily), "/api", prefix, 1)
		for _, step := range []struct {
			body string
			want []any
		}{
			{`{"amount":5.000000001,"mode":"cycles","cycles":3}`, []any{5.000000001, "cycles", 3.0, 25.500000001}},
			{`{"amount":7,"mode":"forever"}`, []any{7.0, "forever", nil, 27.5}},
			{`{"amount":0.000000001,"mode":"cycles","cycles":1000}`, []any{0.000000001, "cycles", 1000.0, 20.500000001}},
			{`{"amount":1000000000,"mode":"cycles","cycles":1}`, []any{1e9, "cycles", 1.0, 1000000020.5}},
		} {
			var got object
			s.audits(func() { got = s.admin.api("PUT", path, step.body).is(200).json() }, "override_set 4 "+s.ada+" cli")
			budget := got["budget"].(object)
			if keysOf(got) != "budget effective_max_limit" || budget["id"] != daily["id"] || budget["max_limit"] != 20.5 {
				t.Errorf("got %v", got)
			}
			same(t, step.body, raised(budget), step.want)
			same(t, "effective limit", got["effective_max_limit"], step.want[3])
			shown := lines(s.copies(s.ada)[0])
			same(t, "read", shown["provider:openai 1d"], budget)
			same(t, "the other limit", raised(shown["provider:openai 1Q"]), notRaised)
		}
		var got object
		s.audits(func() { got = s.admin.api("DELETE", path, nil).is(200).json() }, "override_clear 4 "+s.ada+" cli")
		same(t, "cleared", got, object{"budget": daily, "effective_max_limit": 20.5})
		s.unchanged(func() { same(t, "cleared again", s.admin.api("DELETE", path, nil).is(200).json(), got) })
		same(t, "read", lines(s.copies(s.ada)[0])["provider:openai 1d"], daily)
		if rows := s.count("budget_overrides"); rows != 0 {
			t.Errorf("round %d leaves %d rows", i, rows)
		}
	}
	// A limit of 0 blocks, except for the amount that an override adds.
	got := s.admin.api("PUT", overridePath(s.ada, held, quarterly), `{"amount":2,"mode":"forever"}`).is(200).json()
	same(t, "effective limit", got["effective_max_limit"], 2.0)
}

func TestOverrideByForm(t *testing.T) {
	s := newStage(t)
	held, _ := s.assign(s.ada, research)
	page := strings.TrimPrefix(overridePath(s.ada, held, lines(held)["provider:openai 1d"]), "/api")
	form := func(amount, mode, cycles string) url.Values {
		return url.Values{"amount": {amount}, "mode": {mode}, "cycles": {cycles}}
	}
	s.session.get(page).is(200).one("form", "action", page)
	s.audits(func() { s.session.post(page, form("5", "cycles", "2")).redirects("/users/" + s.ada) }, "override_set 4 "+s.ada+" "+admin)
	same(t, "raised", raised(lines(s.copies(s.ada)[0])["provider:openai 1d"]), []any{5.0, "cycles", 2.0, 25.5})
	s.session.post(page, form(" 0.25 ", "forever", "")).redirects("/users/" + s.ada)
	same(t, "raised", raised(lines(s.copies(s.ada)[0])["provider:openai 1d"]), []any{0.25, "forever", nil, 20.75})
	refused := s.session.post(page, form("8.5", "cycles", "")).refuses(422, "required", "cycles")
	if attribute(refused.one("input", "name", "amount"), "value") != "8.5" || !present(refused.one("input", "name", "mode", "value", "cycles"), "checked") {
		t.Error("the form has not kept what was typed")
	}
	s.audits(func() { s.session.post(page+"/delete", nil).redirects("/users/" + s.ada) }, "override_clear 4 "+s.ada+" "+admin)
	s.unchanged(func() { s.session.post(page+"/delete", nil).redirects("/users/" + s.ada) })
}

func TestOverrideRefused(t *testing.T) {
	s := newStage(t)
	held, _ := s.assign(s.ada, research)
	path := overridePath(s.ada, held, lines(held)["provider:openai 1d"])
	s.admin.api("PUT", path, `{"amount":3,"mode":"forever"}`).is(200)
	cycles := func(value string) string { return `{"amount":1,"mode":"cycles","cycles":` + value + `}` }
	for _, bad := range []struct{ body, code, param string }{
		{`{}`, "required", "amount"},
		{`{"mode":"forever"}`, "required", "amount"},
		{`{"amount":null,"mode":"forever"}`, "null_not_allowed", "amount"},
		{`{"amount":0,"mode":"forever"}`, "number_out_of_range", "amount"},
		{`{"amount":0.0,"mode":"forever"}`, "number_out_of_range", "amount"},
		{`{"amount":-1,"mode":"forever"}`, "number_out_of_range", "amount"},
		{`{"amount":1000000000.000000001,"mode":"forever"}`, "number_out_of_range", "amount"},
		{`{"amount":1e300,"mode":"forever"}`, "number_out_of_range", "amount"},
		{`{"amount":0.0000000001,"mode":"forever"}`, "too_many_decimals", "amount"},
		{`{"amount":1.0000000001,"mode":"forever"}`, "too_many_decimals", "amount"},
		{`{"amount":"1","mode":"forever"}`, "wrong_type", "amount"},
		{`{"amount":true,"mode":"forever"}`, "wrong_type", "amount"},
		{`{"amount":[1],"mode":"forever"}`, "wrong_type", "amount"},
		{`{"amount":1}`, "required", "mode"},
		{`{"amount":1,"mode":null}`, "null_not_allowed", "mode"},
		{`{"amount":1,"mode":"Forever"}`, "invalid_mode", "mode"},
		{`{"amount":1,"mode":"once"}`, "invalid_mode", "mode"},
		{`{"amount":1,"mode":1}`, "wrong_type", "mode"},
		{`{"amount":1,"mode":"cycles"}`, "required", "cycles"},
		{cycles("0"), "number_out_of_range", "cycles"},
		{cycles("-1"), "number_out_of_range", "cycles"},
		{cycles("1001"), "number_out_of_range", "cycles"},
		{cycles("1.5"), "not_an_integer", "cycles"},
		{cycles("1e1"), "not_an_integer", "cycles"},
		{cycles(`"3"`), "wrong_type", "cycles"},
		{cycles(`""`), "wrong_type", "cycles"},
		{cycles(`[]`), "wrong_type", "cycles"},
		{cycles(`{}`), "wrong_type", "cycles"},
		{cycles(`true`), "wrong_type", "cycles"},
		{`{"amount":1,"mode":"forever","cycles":1}`, "cycles_not_allowed", "cycles"},
		{`{"amount":1,"mode":"forever","cycles":0}`, "cycles_not_allowed", "cycles"},
		{`{"amount":1,"mode":"forever","cycles":""}`, "cycles_not_allowed", "cycles"},
		{`{"amount":1,"mode":"forever","cycles":[]}`, "cycles_not_allowed", "cycles"},
		{`{"amount":1,"mode":"forever","cycles":{}}`, "cycles_not_allowed", "cycles"},
		{`{"amount":1,"mode":"forever","until":"2099-01-01T00:00:00Z"}`, "unknown_field", "until"},
		{`{"amount":1,"amount":2,"mode":"forever"}`, "duplicate_key", "amount"},
		{`[]`, "expected_object", ""},
	} {
		t.Run(bad.body, func(t *testing.T) {
			s.t = t
			s.unchanged(func() {
				s.admin.api("PUT", path, bad.body).refuses(400, bad.code, bad.param)
				s.admin.api("PUT", strings.Replace(path, "/api", "/api/governance", 1), bad.body).refuses(400, bad.code, bad.param)
			})
		})
	}
	s.t = t
	page := strings.TrimPrefix(path, "/api")
	s.unchanged(func() {
		for _, bad := range []struct{ amount, mode, cycles, code, param string }{
			{"", "forever", "", "required", "amount"},
			{"0", "forever", "", "number_out_of_range", "amount"},
			{"-5", "forever", "", "number_out_of_range", "amount"},
			{"1.0000000001", "forever", "", "too_many_decimals", "amount"},
			{"1,5", "forever", "", "wrong_type", "amount"},
			{"NaN", "forever", "", "wrong_type", "amount"},
			{"1", "", "", "required", "mode"},
			{"1", "once", "", "invalid_mode", "mode"},
			{"1", "cycles", "1001", "number_out_of_range", "cycles"},
			{"1", "cycles", "1.5", "not_an_integer", "cycles"},
			{"1", "forever", "3", "cycles_not_allowed", "cycles"},
		} {
			s.session.post(page, url.Values{"amount": {bad.amount}, "mode": {bad.mode}, "cycles": {bad.cycles}}).refuses(422, bad.code, bad.param)
		}
	})
	several := objects(s.admin.api("PUT", path, `{"amount":0,"mode":"cycles","cycles":0}`).is(400).json()["errors"])
	if len(several) != 2 || several[0]["param"] != "amount" || several[1]["param"] != "cycles" {
		t.Errorf("problems %v", several)
	}
}

// A budget is raised only on the path of its own copy.
func TestOverrideOfOthers(t *testing.T) {
	s := newStage(t)
	own, _ := s.assign(s.ada, research)
	other := s.profileNaming("Other", `"budgets":[{"max_limit":1,"reset_duration":"1M"}]`)
	second, _ := s.assign(s.ada, other)
	theirs, _ := s.assign(s.bob, research)
	budget := lines(own)["total 1M"]
	unknown := object{"id": "00000000-0000-0000-0000-000000000000"}
	missing := s.admin.api("PUT", overridePath(s.ada, own, unknown), `{"amount":0}`).refuses(404, "not_found", "").refusal()
	for name, path := range map[string]string{
		"the profile's budget":   overridePath(s.ada, own, lines(s.admin.profile(research))["total 1M"]),
		"another user's budget":  overridePath(s.ada, own, lines(theirs)["total 1M"]),
		"budget of another copy": overridePath(s.ada, own, lines(second)["total 1M"]),
		"another user's copy":    overridePath(s.ada, theirs, lines(theirs)["total 1M"]),
		"copy of another user":   overridePath(s.bob, own, budget),
		"unknown copy":           overridePath(s.ada, object{"id": 999.0}, budget),
		"unknown user":           overridePath("00000000-0000-0000-0000-000000000000", own, budget),
		"no id":                  overridePath(s.ada, own, object{"id": "1"}),
		"id in capitals":         overridePath(s.ada, own, object{"id": strings.ToUpper(budget["id"].(string))}),
		"rate limit":             overridePath(s.ada, own, own["rate_limit"].(object)),
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.unchanged(func() {
				for _, a := range []answer{
					s.admin.api("PUT", path, `{"amount":1,"mode":"forever"}`), s.admin.api("PUT", path, `{"amount":0}`), s.admin.api("DELETE", path, nil),
					s.admin.api("PUT", strings.Replace(path, "/api", "/api/governance", 1), `{"amount":1,"mode":"forever"}`),
				} {
					if a.refuses(404, "not_found", ""); strings.HasSuffix(name, "budget") {
						same(t, "answer", a.refusal(), missing)
					}
				}
				page := strings.TrimPrefix(path, "/api")
				s.session.get(page).refuses(404, "not_found", "")
				s.session.post(page, url.Values{"amount": {"1"}, "mode": {"forever"}}).refuses(404, "not_found", "")
				s.session.post(page+"/delete", nil).refuses(404, "not_found", "")
			})
		})
	}
	s.t = t
	noNumber := overridePath(s.ada, object{"id": 0.0}, budget)
	s.admin.api("PUT", strings.Replace(noNumber, "/0/", "/x/", 1), `{"amount":1,"mode":"forever"}`).refuses(400, "invalid_id", "")
}

// The current window counts as the first, so n windows end n-1 windows after it does.
func TestOverrideEndsWithItsWindow(t *testing.T) {
	s := newStage(t)
	const budgets = `"budgets":[{"max_limit":1,"reset_duration":"1h"},{"max_limit":1,"reset_duration":"1d"},{"max_limit":1,"reset_duration":"1w"},
{"max_limit":1,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":2}},{"max_limit":1,"reset_duration":"1Y"}]`
	hours := map[string]int{"1h": 1, "1d": 24, "1w": 7 * 24, "1M": 30 * 24, "1Q": 90 * 24, "1Y": 365 * 24}
	months := map[string]int{"1M": 1, "1Q": 3, "1Y": 12}
	for _, aligned := range []bool{false, true} {
		profile := s.profileNaming(fmt.Sprint("Aligned ", aligned), fmt.Sprintf(`"calendar_aligned":%v,%s`, aligned, budgets))
		held, _ := s.assign(s.ada, profile)
		for name, budget := range lines(held) {
			duration := budget["reset_duration"].(string)
			for _, n := range []int{1, 2, 13} {
				got := s.admin.api("PUT", overridePath(s.ada, held, budget), fmt.Sprintf(`{"amount":1,"mode":"cycles","cycles":%d}`, n)).is(200).object("budget")
				same(t, "windows left", got["override_cycles_remaining"], float64(n))
				start, err := time.Parse(time.RFC3339Nano, got["last_reset"].(string))
				s.must(err)
				want := start.Add(time.Duration(n*hours[duration]) * time.Hour)
				if aligned && months[duration] > 0 {
					want = start.AddDate(0, n*months[duration], 0)
				}
				var stored struct{ Anchor, EndsAt time.Time }
				s.scan(&stored, "SELECT anchor, ends_at FROM budget_overrides WHERE budget_id = ?", budget["id"])
				if !stored.EndsAt.Equal(want) || !stored.Anchor.Equal(start) {
					t.Errorf("%s, aligned %v, %d windows: %v to %v, want %v to %v", name, aligned, n, stored.Anchor, stored.EndsAt, start, want)
				}
			}
		}
	}
}

// An override expires with time: windows are counted down, and once it has ended nothing brings it back.
func TestOverrideExpires(t *testing.T) {
	s := newStage(t)
	profile := s.profileNaming("Rolling", `"budgets":[{"max_limit":1,"reset_duration":"1h"}]`)
	held, key := s.assign(s.ada, profile)
	line := func() object { return lines(s.copies(s.ada)[0])["total 1h"] }
	path := overridePath(s.ada, held, line())
	s.admin.api("PUT", path, `{"amount":2,"mode":"cycles","cycles":3}`).is(200)
	// Moving the data an hour back is the same as waiting an hour.
	earlier := func() {
		s.exec("UPDATE limit_lines SET created_at = created_at - interval '1 hour' WHERE id = ?", held["budgets"].([]any)[0].(object)["id"])
		s.exec("UPDATE budget_overrides SET anchor = anchor - interval '1 hour', ends_at = ends_at - interval '1 hour'")
	}
	for _, left := range []float64{3, 2, 1} {
		same(t, "raised", raised(line()), []any{2.0, "cycles", left, 3.0})
		earlier()
	}
	over := func(when string) {
		t.Helper()
		same(t, when, raised(line()), notRaised)
		limit := objects(objects(s.bearer(key["value"]).get(quota).is(200).json()["access_profiles"])[0]["budgets"])[0]["limit"]
		if limit != objects(s.copies(s.ada)[0]["budgets"])[0]["max_limit"] {
			t.Errorf("%s: the quota has the limit %v", when, limit)
		}
	}
	over("over")
	s.exec("UPDATE budget_overrides SET ends_at = clock_timestamp()")
	over("over just now")
	for _, change := range []string{
		`"budgets":[{"max_limit":5,"reset_duration":"1h"}]`, `"calendar_aligned":true`,
		`"budgets":[{"max_limit":6,"reset_duration":"1d"},{"max_limit":7,"reset_duration":"1h"}]`,
	} {
		s.admin.api("PUT", fmt.Sprint("/api/access-profiles/", profile), "{"+change+"}").is(200)
		s.admin.api("POST", fmt.Sprint("/api/access-profiles/", profile, "/propagate"), `{"fields":["budgets"],"reset_usage":true}`).is(200)
		over(change)
	}
	for _, active := range []string{"false", "true"} {
		s.admin.api("PUT", "/api"+copyPath(s.ada, held), `{"is_active":`+active+`}`).is(200)
	}
	over("paused and resumed")
	same(t, "cleared", s.admin.api("DELETE", path, nil).is(200).json()["effective_max_limit"], 7.0)
	over("cleared")
	// A new override is counted from now.
	again := s.admin.api("PUT", path, `{"amount":2,"mode":"cycles","cycles":1}`).is(200).object("budget")
	same(t, "raised", raised(again), []any{2.0, "cycles", 1.0, 9.0})
	// It survives a propagation while it is active.
	s.admin.api("PUT", fmt.Sprint("/api/access-profiles/", profile), `{"budgets":[{"max_limit":10,"reset_duration":"1h"}]}`).is(200)
	s.admin.api("POST", fmt.Sprint("/api/access-profiles/", profile, "/propagate"), `{"fields":["budgets"],"reset_usage":true}`).is(200)
	same(t, "raised", raised(line()), []any{2.0, "cycles", 1.0, 12.0})
}
