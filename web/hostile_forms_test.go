package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// hostileForm is a form as it is sent, and how it must come back: with its problem, and with what was typed into one
// field.
type hostileForm struct {
	body        string
	status      int
	code, param string
	field, kept string // "" when there is no value to check
}

// refuseForms sends each form as a new profile and as a change of one; version is added to the second.
func refuseForms(t *testing.T, rows []hostileForm) {
	t.Helper()
	c := webtest.NewCast(t)
	before := c.Fingerprint()
	for _, row := range rows {
		for path, body := range map[string]string{"/access-profiles": row.body, "/access-profiles/1": "version=1&" + row.body} {
			for _, htmx := range []string{"", "true"} {
				a := c.Session.With("HX-Request", htmx).Send("POST", path, "application/x-www-form-urlencoded", strings.NewReader(body))
				name := fmt.Sprintf("%s %.80q htmx %q", path, row.body, htmx)
				if a.StatusCode != row.status {
					t.Errorf("%s: status %d, want %d %s", name, a.StatusCode, row.status, a.Header.Get("Location"))
					continue
				}
				if code, param := a.Fault(); htmx == "" && (code != row.code || param != row.param) {
					t.Errorf("%s: %q at %q, want %q at %q", name, code, param, row.code, row.param)
				}
				if row.field != "" && a.Typed(row.field) != row.kept {
					t.Errorf("%s: %s came back as %q, want %q", name, row.field, a.Typed(row.field), row.kept)
				}
				a.Guarded(name)
			}
		}
	}
	if c.Fingerprint() != before {
		t.Error("a refused form changed something")
	}
}

func TestRefusedForms(t *testing.T) {
	const description, kept = "&description=kept+%3C%26%3E", "kept <&>"
	unreadable := func(pairs, code, param string) hostileForm {
		return hostileForm{pairs + description, 400, code, param, "description", kept}
	}
	invalid := func(pairs, code, param, field, typed string) hostileForm {
		return hostileForm{pairs + description, 422, code, param, field, typed}
	}
	amount := func(typed, code string) hostileForm {
		return invalid("name=x&budgets[b7].max_limit="+url.QueryEscape(typed)+"&budgets[b7].reset_duration=1d", code, "budgets[0].max_limit", "budgets[b7].max_limit", typed)
	}
	tokens := func(typed, code string) hostileForm {
		return invalid("name=x&rate_limit.token_max_limit="+url.QueryEscape(typed)+"&rate_limit.token_reset_duration=1h", code, "rate_limit.token_max_limit", "rate_limit.token_max_limit", typed)
	}
	rows := []hostileForm{
		{"name=a%00b", 400, "nul_character", "name", "name", "ab"},
		{"name=a%FFb", 400, "invalid_utf8", "name", "name", "a\uFFFDb"},
		unreadable("name=x&id=7", "unknown_field", "id"), unreadable("name=x&is_active=false", "unknown_field", "is_active"), unreadable("name=x&created_at=1", "unknown_field", "created_at"),
		unreadable("Name=x", "unknown_field", "Name"), unreadable("name=x&BaseVersion=1", "unknown_field", "BaseVersion"), unreadable("name=x&Row.Kind=1", "unknown_field", "Row"),
		unreadable("name=x&name.x=1", "unknown_field", "name.x"), unreadable("name[]=x", "unknown_field", "name[]"), unreadable("name[b1]=x", "unknown_field", "name[b1]"), unreadable("name=x&tags[t1].a=1&tags=b", "unknown_field", "tags[0].a"), unreadable("name=x&rate_limit=1&rate_limit.token_max_limit=1", "unknown_field", "rate_limit"), unreadable("=x&name=x", "unknown_field", ""),
		unreadable("name=x&tags=a&tags.x=1", "unknown_field", "tags.x"), unreadable("name=x&budgets[1].max_limit=5", "unknown_field", "budgets[1].max_limit"),
		unreadable("name=x&budgets[b-1].max_limit=5", "unknown_field", "budgets[b-1].max_limit"), unreadable("name=x&budgets[b99999].max_limit=5", "unknown_field", "budgets[b99999].max_limit"),
		unreadable("name=x&budgets[b1]max_limit=5", "unknown_field", "budgets[b1]max_limit"), unreadable("name=x&"+strings.Repeat("a.", 20)+"b=1", "unknown_field", strings.Repeat("a.", 20)+"b"),
		unreadable("name=a&name=a", "duplicate_field", "name"), unreadable("name=x&budgets[b1].max_limit=1&budgets[b1].max_limit=2", "duplicate_field", "budgets[0].max_limit"),
		unreadable("name=x&calendar_aligned=true&calendar_aligned=false", "duplicate_field", "calendar_aligned"),
		unreadable("name=a%00b", "nul_character", "name"), unreadable("name=x&tags=%00", "nul_character", "tags"), unreadable("na%00me=x&name=y", "unknown_field", "na\uFFFDme"),
		unreadable("name=a%ED%A0%80", "invalid_utf8", "name"), unreadable("name=a%C0%80", "invalid_utf8", "name"), unreadable("n%FF=x&name=y", "invalid_utf8", ""), unreadable("name=a\xff", "invalid_utf8", "name"),
		unreadable("name=%zz", "invalid_form", ""), unreadable("name=%", "invalid_form", ""), unreadable("%4=1&name=x", "invalid_form", ""), unreadable("name=x;tags=y", "invalid_form", ""),
		unreadable("name=x&op=nope", "invalid_op", "op"), unreadable("name=x&op=save&op=save", "duplicate_field", "op"),
		invalid("name=", "required", "name", "description", kept), invalid("name=%E2%80%8B", "invalid_characters", "name", "name", "\u200b"),
		invalid("name="+strings.Repeat("x", 256), "too_long", "name", "name", strings.Repeat("x", 256)),
		invalid("name=x&tags=a,b,A", "duplicate_tag", "tags[2]", "description", kept),
		invalid("name=x&calendar_aligned=yes", "wrong_type", "calendar_aligned", "description", kept),
		invalid("name=x&mcp_servers=nope", "unknown_mcp_server", "mcp_servers[0].mcp_server_id", "description", kept),
		invalid("name=x&mcp_servers=github&mcp_servers=github", "duplicate_mcp_server", "mcp_servers[1].mcp_server_id", "description", kept),
		invalid("name=x&mcp_tool_groups=99", "unknown_tool_group", "mcp_tool_groups[0].tool_group_id", "description", kept),
		invalid("name=x&mcp_tool_groups=x", "wrong_type", "mcp_tool_groups[0].tool_group_id", "description", kept),
		invalid("name=x&mcp_tool_overrides[o5].tool_name=t", "required", "mcp_tool_overrides[0].mcp_client_id", "mcp_tool_overrides[o5].tool_name", "t"),
		invalid("name=x&provider_configs[p3].provider_name=nope&provider_configs[p3].allowed_models=a%0D%0Ab", "unknown_provider", "provider_configs[0].provider_name", "provider_configs[p3].allowed_models", "a\nb"),
		invalid("name=x&provider_configs[p3].provider_name=openai&provider_configs[p3].all_models_allowed=true&provider_configs[p3].allowed_models=a", "models_conflict", "provider_configs[0].allowed_models", "provider_configs[p3].allowed_models", "a"),
		invalid("name=x&budgets[b7].max_limit=5", "required", "budgets[0].reset_duration", "budgets[b7].max_limit", "5"),
		invalid("name=x&budgets[b7].max_limit=5&budgets[b7].reset_duration=1d&budgets[b2].max_limit=6&budgets[b2].reset_duration=1d", "duplicate_budget_window", "budgets[1].reset_duration", "budgets[b2].max_limit", "6"),
		invalid("name=x&budgets[b7].max_limit=5&budgets[b7].reset_duration=1d&budgets[b7].reset_config.quarter_start_month=4", "reset_config_not_allowed", "budgets[0].reset_config", "budgets[b7].reset_config.quarter_start_month", "4"),
		invalid("name=x&rate_limit.token_max_limit=5", "required", "rate_limit.token_reset_duration", "rate_limit.token_max_limit", "5"),
		invalid("name=x&rate_limit.token_reset_duration=1h", "required", "rate_limit.token_max_limit", "rate_limit.token_reset_duration", "1h"),
	}
	for _, typed := range []string{"0x1p-2", "1 000", "５", "+5", "5.", ".5", "1.000,00", "€5", "1,00", "-Inf", "1e", "five", "1'000", "--5", "05", "5 USD", "∞", "true", "null", "[]"} {
		rows = append(rows, amount(typed, "wrong_type"))
	}
	rows = append(rows, amount("-0.01", "max_limit_negative"), amount("1e309", "number_out_of_range"), amount("1000000000.01", "number_out_of_range"), amount("0.0000000001", "too_many_decimals"))
	for _, typed := range []string{"1,000", "1_000", "0x10", "٣", "+5", "five", "05", "null"} {
		rows = append(rows, tokens(typed, "wrong_type"))
	}
	rows = append(rows, tokens("1e3", "not_an_integer"), tokens("5.5", "not_an_integer"), tokens("0", "number_out_of_range"), tokens("-1", "number_out_of_range"), tokens("9007199254740992", "number_out_of_range"))
	refuseForms(t, rows)
}

func TestFormVersions(t *testing.T) {
	c := webtest.NewCast(t)
	before := c.Fingerprint()
	for body, want := range map[string]hostileForm{
		"name=Mine&description=kept":                      {status: 400, code: "required", param: "version"},
		"name=Mine&description=kept&version=":             {status: 400, code: "required", param: "version"},
		"name=Mine&description=kept&version=x":            {status: 400, code: "wrong_type", param: "version"},
		"name=Mine&description=kept&version=-1":           {status: 400, code: "wrong_type", param: "version"},
		"name=Mine&description=kept&version=01":           {status: 400, code: "wrong_type", param: "version"},
		"name=Mine&description=kept&version=1&version=1":  {status: 400, code: "duplicate_field", param: "version"},
		"name=Mine&description=kept&version=2":            {status: 412, code: "version_mismatch"},
		"name=Mine&description=kept&version=0":            {status: 412, code: "version_mismatch"},
		"name=&description=kept&version=2":                {status: 412, code: "version_mismatch"},
		"name=caf%C3%89&description=kept&version=2":       {status: 412, code: "version_mismatch"},
		"name=caf%C3%89&description=kept&version=1":       {status: 409, code: "name_taken", param: "name"},
		"name=++STRASSE++&description=kept&version=1":     {status: 409, code: "name_taken", param: "name"},
		"name=Mine&description=kept&version=1&choose.x=1": {status: 400, code: "unknown_field", param: "choose.x"},
	} {
		a := c.Session.Send("POST", "/access-profiles/1", "application/x-www-form-urlencoded", strings.NewReader(body))
		a.Refuses(want.status, want.code, want.param)
		sent, _ := url.ParseQuery(body)
		for _, field := range []string{"name", "description"} {
			if a.Typed(field) != sent.Get(field) {
				t.Errorf("%s: %s came back as %q", body, field, a.Typed(field))
			}
		}
	}
	c.Session.Post("/access-profiles", url.Values{"name": {" engineering"}, "description": {"kept"}}).Refuses(409, "name_taken", "name")
	for _, path := range []string{"/access-profiles/1/delete", "/access-profiles/1/activate", "/access-profiles/1/deactivate"} {
		c.Session.Post(path, url.Values{"version": {"2"}}).Refuses(412, "version_mismatch", "")
		c.Session.Post(path, url.Values{"version": {"x"}}).Refuses(400, "wrong_type", "version")
		c.Session.Post(path, url.Values{"version": {"1"}, "force": {"1"}}).Refuses(400, "unknown_field", "force")
	}
	for body, want := range map[string]string{"name=": "required", "name=caf%C3%89": "name_taken", "name=a%00": "nul_character", "name=x&tags=y": "unknown_field", "name=x&name=y": "duplicate_field"} {
		a := c.Session.Send("POST", "/access-profiles/1/clone", "application/x-www-form-urlencoded", strings.NewReader(body+"&description=kept"))
		if code, _ := a.Fault(); code != want || webtest.Text(a.One("textarea", "name", "description")) != "kept" {
			t.Errorf("clone %s: %d %q\n%.300s", body, a.StatusCode, code, a.Body)
		}
	}
	if c.Fingerprint() != before {
		t.Error("a refused form changed something")
	}
}
