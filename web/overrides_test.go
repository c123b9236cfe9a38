package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

var notRaised = []any{nil, nil, nil, nil}

func TestOverride(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	daily, quarterly := webtest.Lines(held)["provider:openai 1d"], webtest.Lines(held)["provider:openai 1Q"]
	for i, prefix := range []string{"/api", "/api/governance"} {
		path := strings.Replace(webtest.OverridePath(s.Ada, held, daily), "/api", prefix, 1)
		for _, step := range []struct {
			body string
			want []any
		}{
			{`{"amount":5.000000001,"mode":"cycles","cycles":3}`, []any{5.000000001, "cycles", 3.0, 25.500000001}},
			{`{"amount":7,"mode":"forever"}`, []any{7.0, "forever", nil, 27.5}},
			{`{"amount":0.000000001,"mode":"cycles","cycles":1000}`, []any{0.000000001, "cycles", 1000.0, 20.500000001}},
			{`{"amount":1000000000,"mode":"cycles","cycles":1}`, []any{1e9, "cycles", 1.0, 1000000020.5}},
		} {
			var got webtest.Object
			s.Audits(func() { got = s.Admin.API("PUT", path, step.body).Is(200).JSON() }, "override_set 4 "+s.Ada+" cli")
			budget := got["budget"].(webtest.Object)
			if webtest.KeysOf(got) != "budget effective_max_limit" || budget["id"] != daily["id"] || budget["max_limit"] != 20.5 {
				t.Errorf("got %v", got)
			}
			webtest.Same(t, step.body, webtest.Raised(budget), step.want)
			webtest.Same(t, "effective limit", got["effective_max_limit"], step.want[3])
			shown := webtest.Lines(s.Copies(s.Ada)[0])
			webtest.Same(t, "read", shown["provider:openai 1d"], budget)
			webtest.Same(t, "the other limit", webtest.Raised(shown["provider:openai 1Q"]), notRaised)
		}
		var got webtest.Object
		s.Audits(func() { got = s.Admin.API("DELETE", path, nil).Is(200).JSON() }, "override_clear 4 "+s.Ada+" cli")
		webtest.Same(t, "cleared", got, webtest.Object{"budget": daily, "effective_max_limit": 20.5})
		s.Unchanged(func() { webtest.Same(t, "cleared again", s.Admin.API("DELETE", path, nil).Is(200).JSON(), got) })
		webtest.Same(t, "read", webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"], daily)
		if rows := s.Count("budget_overrides"); rows != 0 {
			t.Errorf("round %d leaves %d rows", i, rows)
		}
	}
	// A limit of 0 blocks, except for the amount that an override adds.
	got := s.Admin.API("PUT", webtest.OverridePath(s.Ada, held, quarterly), `{"amount":2,"mode":"forever"}`).Is(200).JSON()
	webtest.Same(t, "effective limit", got["effective_max_limit"], 2.0)
}

func TestOverrideByForm(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	page := strings.TrimPrefix(webtest.OverridePath(s.Ada, held, webtest.Lines(held)["provider:openai 1d"]), "/api")
	form := func(amount, mode, cycles string) url.Values {
		return url.Values{"amount": {amount}, "mode": {mode}, "cycles": {cycles}}
	}
	s.Session.Get(page).Is(200).One("form", "action", page)
	s.Audits(func() { s.Session.Post(page, form("5", "cycles", "2")).Redirects("/users/" + s.Ada) }, "override_set 4 "+s.Ada+" "+webtest.Admin)
	webtest.Same(t, "raised", webtest.Raised(webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"]), []any{5.0, "cycles", 2.0, 25.5})
	s.Session.Post(page, form(" 0.25 ", "forever", "")).Redirects("/users/" + s.Ada)
	webtest.Same(t, "raised", webtest.Raised(webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"]), []any{0.25, "forever", nil, 20.75})
	refused := s.Session.Post(page, form("8.5", "cycles", "")).Refuses(422, "required", "cycles")
	if webtest.Attribute(refused.One("input", "name", "amount"), "value") != "8.5" || !webtest.Present(refused.One("input", "name", "mode", "value", "cycles"), "checked") {
		t.Error("the form has not kept what was typed")
	}
	s.Audits(func() { s.Session.Post(page+"/delete", nil).Redirects("/users/" + s.Ada) }, "override_clear 4 "+s.Ada+" "+webtest.Admin)
	s.Unchanged(func() { s.Session.Post(page+"/delete", nil).Redirects("/users/" + s.Ada) })
}

func TestOverrideRefused(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	path := webtest.OverridePath(s.Ada, held, webtest.Lines(held)["provider:openai 1d"])
	s.Admin.API("PUT", path, `{"amount":3,"mode":"forever"}`).Is(200)
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
			s.T = t
			s.Unchanged(func() {
				s.Admin.API("PUT", path, bad.body).Refuses(400, bad.code, bad.param)
				s.Admin.API("PUT", strings.Replace(path, "/api", "/api/governance", 1), bad.body).Refuses(400, bad.code, bad.param)
			})
		})
	}
	s.T = t
	page := strings.TrimPrefix(path, "/api")
	s.Unchanged(func() {
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
			s.Session.Post(page, url.Values{"amount": {bad.amount}, "mode": {bad.mode}, "cycles": {bad.cycles}}).Refuses(422, bad.code, bad.param)
		}
	})
	several := webtest.Objects(s.Admin.API("PUT", path, `{"amount":0,"mode":"cycles","cycles":0}`).Is(400).JSON()["errors"])
	if len(several) != 2 || several[0]["param"] != "amount" || several[1]["param"] != "cycles" {
		t.Errorf("problems %v", several)
	}
}

// A budget is raised only on the path of its own copy.
func TestOverrideOfOthers(t *testing.T) {
	s := webtest.NewStage(t)
	own, _ := s.Assign(s.Ada, webtest.Research)
	other := s.ProfileNaming("Other", `"budgets":[{"max_limit":1,"reset_duration":"1M"}]`)
	second, _ := s.Assign(s.Ada, other)
	theirs, _ := s.Assign(s.Bob, webtest.Research)
	budget := webtest.Lines(own)["total 1M"]
	unknown := webtest.Object{"id": "00000000-0000-0000-0000-000000000000"}
	missing := s.Admin.API("PUT", webtest.OverridePath(s.Ada, own, unknown), `{"amount":0}`).Refuses(404, "not_found", "").Refusal()
	for name, path := range map[string]string{
		"the profile's budget":   webtest.OverridePath(s.Ada, own, webtest.Lines(s.Admin.Profile(webtest.Research))["total 1M"]),
		"another user's budget":  webtest.OverridePath(s.Ada, own, webtest.Lines(theirs)["total 1M"]),
		"budget of another copy": webtest.OverridePath(s.Ada, own, webtest.Lines(second)["total 1M"]),
		"another user's copy":    webtest.OverridePath(s.Ada, theirs, webtest.Lines(theirs)["total 1M"]),
		"copy of another user":   webtest.OverridePath(s.Bob, own, budget),
		"unknown copy":           webtest.OverridePath(s.Ada, webtest.Object{"id": 999.0}, budget),
		"unknown user":           webtest.OverridePath("00000000-0000-0000-0000-000000000000", own, budget),
		"no id":                  webtest.OverridePath(s.Ada, own, webtest.Object{"id": "1"}),
		"id in capitals":         webtest.OverridePath(s.Ada, own, webtest.Object{"id": strings.ToUpper(budget["id"].(string))}),
		"rate limit":             webtest.OverridePath(s.Ada, own, own["rate_limit"].(webtest.Object)),
	} {
		t.Run(name, func(t *testing.T) {
			s.T = t
			s.Unchanged(func() {
				for _, a := range []webtest.Answer{
					s.Admin.API("PUT", path, `{"amount":1,"mode":"forever"}`), s.Admin.API("PUT", path, `{"amount":0}`), s.Admin.API("DELETE", path, nil),
					s.Admin.API("PUT", strings.Replace(path, "/api", "/api/governance", 1), `{"amount":1,"mode":"forever"}`),
				} {
					if a.Refuses(404, "not_found", ""); strings.HasSuffix(name, "budget") {
						webtest.Same(t, "answer", a.Refusal(), missing)
					}
				}
				page := strings.TrimPrefix(path, "/api")
				s.Session.Get(page).Refuses(404, "not_found", "")
				s.Session.Post(page, url.Values{"amount": {"1"}, "mode": {"forever"}}).Refuses(404, "not_found", "")
				s.Session.Post(page+"/delete", nil).Refuses(404, "not_found", "")
			})
		})
	}
	s.T = t
	noNumber := webtest.OverridePath(s.Ada, webtest.Object{"id": 0.0}, budget)
	s.Admin.API("PUT", strings.Replace(noNumber, "/0/", "/x/", 1), `{"amount":1,"mode":"forever"}`).Refuses(400, "invalid_id", "")
}

// The current window counts as the first, so n windows end n-1 windows after it does.
func TestOverrideEndsWithItsWindow(t *testing.T) {
	s := webtest.NewStage(t)
	const budgets = `"budgets":[{"max_limit":1,"reset_duration":"1h"},{"max_limit":1,"reset_duration":"1d"},{"max_limit":1,"reset_duration":"1w"},
{"max_limit":1,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":2}},{"max_limit":1,"reset_duration":"1Y"}]`
	hours := map[string]int{"1h": 1, "1d": 24, "1w": 7 * 24, "1M": 30 * 24, "1Q": 90 * 24, "1Y": 365 * 24}
	months := map[string]int{"1M": 1, "1Q": 3, "1Y": 12}
	for _, aligned := range []bool{false, true} {
		profile := s.ProfileNaming(fmt.Sprint("Aligned ", aligned), fmt.Sprintf(`"calendar_aligned":%v,%s`, aligned, budgets))
		held, _ := s.Assign(s.Ada, profile)
		for name, budget := range webtest.Lines(held) {
			duration := budget["reset_duration"].(string)
			for _, n := range []int{1, 2, 13} {
				got := s.Admin.API("PUT", webtest.OverridePath(s.Ada, held, budget), fmt.Sprintf(`{"amount":1,"mode":"cycles","cycles":%d}`, n)).Is(200).Object("budget")
				webtest.Same(t, "windows left", got["override_cycles_remaining"], float64(n))
				start, err := time.Parse(time.RFC3339Nano, got["last_reset"].(string))
				s.Must(err)
				want := start.Add(time.Duration(n*hours[duration]) * time.Hour)
				if aligned && months[duration] > 0 {
					want = start.AddDate(0, n*months[duration], 0)
				}
				var stored struct{ Anchor, EndsAt time.Time }
				s.Scan(&stored, "SELECT anchor, ends_at FROM budget_overrides WHERE budget_id = ?", budget["id"])
				if !stored.EndsAt.Equal(want) || !stored.Anchor.Equal(start) {
					t.Errorf("%s, aligned %v, %d windows: %v to %v, want %v to %v", name, aligned, n, stored.Anchor, stored.EndsAt, start, want)
				}
			}
		}
	}
}

// An override expires with time: windows are counted down, and once it has ended nothing brings it back.
func TestOverrideExpires(t *testing.T) {
	s := webtest.NewStage(t)
	profile := s.ProfileNaming("Rolling", `"budgets":[{"max_limit":1,"reset_duration":"1h"}]`)
	held, key := s.Assign(s.Ada, profile)
	line := func() webtest.Object { return webtest.Lines(s.Copies(s.Ada)[0])["total 1h"] }
	path := webtest.OverridePath(s.Ada, held, line())
	s.Admin.API("PUT", path, `{"amount":2,"mode":"cycles","cycles":3}`).Is(200)
	// Moving the data an hour back is the same as waiting an hour.
	earlier := func() {
		s.Exec("UPDATE limit_lines SET created_at = created_at - interval '1 hour' WHERE id = ?", held["budgets"].([]any)[0].(webtest.Object)["id"])
		s.Exec("UPDATE budget_overrides SET anchor = anchor - interval '1 hour', ends_at = ends_at - interval '1 hour'")
	}
	for _, left := range []float64{3, 2, 1} {
		webtest.Same(t, "raised", webtest.Raised(line()), []any{2.0, "cycles", left, 3.0})
		earlier()
	}
	over := func(when string) {
		t.Helper()
		webtest.Same(t, when, webtest.Raised(line()), notRaised)
		limit := webtest.Objects(webtest.Objects(s.Bearer(key["value"]).Get(webtest.Quota).Is(200).JSON()["access_profiles"])[0]["budgets"])[0]["limit"]
		if limit != webtest.Objects(s.Copies(s.Ada)[0]["budgets"])[0]["max_limit"] {
			t.Errorf("%s: the quota has the limit %v", when, limit)
		}
	}
	over("over")
	s.Exec("UPDATE budget_overrides SET ends_at = clock_timestamp()")
	over("over just now")
	for _, change := range []string{
		`"budgets":[{"max_limit":5,"reset_duration":"1h"}]`, `"calendar_aligned":true`,
		`"budgets":[{"max_limit":6,"reset_duration":"1d"},{"max_limit":7,"reset_duration":"1h"}]`,
	} {
		s.Admin.API("PUT", fmt.Sprint("/api/access-profiles/", profile), "{"+change+"}").Is(200)
		s.Admin.API("POST", fmt.Sprint("/api/access-profiles/", profile, "/propagate"), `{"fields":["budgets"],"reset_usage":true}`).Is(200)
		over(change)
	}
	for _, active := range []string{"false", "true"} {
		s.Admin.API("PUT", "/api"+webtest.CopyPath(s.Ada, held), `{"is_active":`+active+`}`).Is(200)
	}
	over("paused and resumed")
	webtest.Same(t, "cleared", s.Admin.API("DELETE", path, nil).Is(200).JSON()["effective_max_limit"], 7.0)
	over("cleared")
	// A new override is counted from now.
	again := s.Admin.API("PUT", path, `{"amount":2,"mode":"cycles","cycles":1}`).Is(200).Object("budget")
	webtest.Same(t, "raised", webtest.Raised(again), []any{2.0, "cycles", 1.0, 9.0})
	// It survives a propagation while it is active.
	s.Admin.API("PUT", fmt.Sprint("/api/access-profiles/", profile), `{"budgets":[{"max_limit":10,"reset_duration":"1h"}]}`).Is(200)
	s.Admin.API("POST", fmt.Sprint("/api/access-profiles/", profile, "/propagate"), `{"fields":["budgets"],"reset_usage":true}`).Is(200)
	webtest.Same(t, "raised", webtest.Raised(line()), []any{2.0, "cycles", 1.0, 12.0})
}
