package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// Logs in the shape that LiteLLM's generic API logger sends: as a list, one alone or one a line, each call once.
func TestLiteLLMLogs(t *testing.T) {
	g := webtest.NewGateway(t)
	by := g.APIKey("Usage:Create")
	log := func(id, more string) string {
		return fmt.Sprintf(`{"id":%q,"trace_id":"t1","call_type":"acompletion","status":"success","response_cost":8.375e-05,"total_tokens":47,
			"prompt_tokens":40,"completion_tokens":7,"startTime":%d.25,"endTime":%d.755123,"model":"gpt-4o-2024-08-06","model_group":"gpt-4o",
			"custom_llm_provider":"openai","messages":[{"role":"user","content":"zebra \u0000 \ud800"}],"response":{"choices":[]},"error_str":null,
			"metadata":{"user_api_key_user_id":%q,"user_api_key_team_id":null,"spend_logs_metadata":null}%s}`,
			id, time.Now().Unix()-2, time.Now().Unix()-1, g.Ada, more)
	}
	failed := `,"status":"failure","response_cost":0.0,"total_tokens":0,"prompt_tokens":0,"completion_tokens":0`
	unknown := strings.Replace(log("chatcmpl-9", ""), g.Ada, "someone-else", 1)
	nobody := strings.Replace(log("chatcmpl-8", ""), fmt.Sprintf("%q", g.Ada), "null", 1)
	const path = "/api/usage/litellm"
	for _, c := range []struct{ what, media, body, counted, duplicates, ignored, rejected string }{
		{"a list", jsonType, "[" + log("chatcmpl-1", "") + "," + log("chatcmpl-2", failed) + "]", "1", "0", "1", "0"},
		{"the list again", jsonType, "[" + log("chatcmpl-1", "") + "," + log("chatcmpl-2", failed) + "]", "0", "1", "1", "0"},
		{"one alone", jsonType, log("chatcmpl-3", ""), "1", "0", "0", "0"},
		{"one a line", "application/x-ndjson", log("chatcmpl-4", "") + "\n" + log("chatcmpl-5", `,"model_group":null,"model":"gpt-4o"`) + "\n", "2", "0", "0", "0"},
		{"none", jsonType, "[]", "0", "0", "0", "0"},
		{"without a user", jsonType, "[" + nobody + "," + log("chatcmpl-6", "") + "]", "1", "0", "0", "1"},
		{"a time that is none", jsonType, log("chatcmpl-7", `,"endTime":"soon"`), "0", "0", "0", "1"},
	} {
		answer := sent(by, path, c.media, []byte(c.body)).Is(http.StatusOK).JSON()
		got := fmt.Sprint(answer["counted"], answer["duplicates"], answer["ignored"], len(answer["rejected"].([]any)))
		webtest.Same(t, c.what, got, strings.Join([]string{c.counted, c.duplicates, c.ignored, c.rejected}, " "))
	}
	webtest.Same(t, "quarantined", sent(by, path, jsonType, []byte(unknown)).Is(http.StatusOK).JSON()["quarantined"], any(1.0))
	var sums struct{ Cost, Tokens int64 }
	g.Scan(&sums, "SELECT sum(cost)::bigint AS cost, sum(tokens)::bigint AS tokens FROM usage_days WHERE (provider, model) = ('openai', 'gpt-4o')")
	webtest.Same(t, "nano-dollars and tokens", sums, struct{ Cost, Tokens int64 }{5 * 83750, 5 * 47})
	if found := g.Dump(); strings.Contains(found, "zebra") {
		t.Error("a prompt is stored")
	}
	for what, body := range map[string]string{"no JSON": "x", "no logs": "1", "only bad lines": "x\n5", "a list cut off": `[{"id":"a"},`, "more": "[]x", "a part": `{"id":"a"`} {
		if answer := sent(by, path, jsonType, []byte(body)).Is(http.StatusBadRequest); answer.Object("error")["code"] != "unreadable_logs" || strings.Contains(string(answer.Body), "character") {
			t.Errorf("%s: %s", what, answer.Body)
		}
	}
	sent(by, path, "text/plain", []byte("[]")).Refuses(http.StatusUnsupportedMediaType, "unsupported_media_type", "")
	sent(by, path, jsonType, make([]byte, 5_000_000)).Refuses(http.StatusRequestEntityTooLarge, "body_too_large", "")
}

// A cost or a count of tokens that cannot be read as one rejects its log alone, under the name that LiteLLM gives it; one
// written as text is read.
func TestLiteLLMWrongAmounts(t *testing.T) {
	g := webtest.NewGateway(t)
	by := g.APIKey("Usage:Create")
	log := func(id, amounts string) string {
		return fmt.Sprintf(`{"id":%q,"model":"gpt-4o","custom_llm_provider":"openai","metadata":{"user_api_key_user_id":%q}%s}`,
			id, g.Ada, amounts)
	}
	for name, wrong := range map[string][]string{
		"response_cost":     {`-7`, `true`, `"seven"`, `""`, `"-7"`, `"NaN"`, `[7]`, `{}`, `1e300`},
		"total_tokens":      {`-1`, `false`, `"many"`, `""`, `5000.5`, `"5000.5"`, `[]`, `1e300`},
		"prompt_tokens":     {`-1`, `true`, `"many"`, `""`, `5000.5`, `"5000.5"`, `{}`},
		"completion_tokens": {`-1`, `true`, `"many"`, `""`, `5000.5`, `"5000.5"`, `{}`},
	} {
		logs := []string{log(name, `,"total_tokens":1`)}
		for i, value := range wrong {
			logs = append(logs, log(fmt.Sprint(name, i), fmt.Sprintf(`,"status":"failure",%q:%s`, name, value)))
		}
		answer := sent(by, "/api/usage/litellm", jsonType, []byte("["+strings.Join(logs, ",")+"]")).Is(http.StatusOK).JSON()
		webtest.Same(t, "counted beside "+name, answer["counted"], any(1.0))
		webtest.Same(t, "ignored beside "+name, answer["ignored"], any(0.0))
		rejected := answer["rejected"].([]any)
		webtest.Same(t, name, len(rejected), len(wrong))
		for i, one := range rejected {
			first := one.(webtest.Object)["errors"].([]any)[0].(webtest.Object)
			webtest.Same(t, name+" "+wrong[i], first["param"], any(fmt.Sprintf("[%d].%s", i+1, name)))
		}
	}
	text := log("as-text", `,"response_cost":"8.375e-05","prompt_tokens":"40","completion_tokens":7.0,"total_tokens":"47"`)
	webtest.Same(t, "as text", sent(by, "/api/usage/litellm", jsonType, []byte(text)).Is(http.StatusOK).JSON()["counted"], any(1.0))
	var sums struct{ Cost, Tokens int64 }
	g.Scan(&sums, "SELECT sum(cost)::bigint AS cost, sum(tokens)::bigint AS tokens FROM usage_days")
	webtest.Same(t, "nano-dollars and tokens", sums, struct{ Cost, Tokens int64 }{83750, 47 + 4})
}

// A cost that LiteLLM could not compute is that of the catalogue's price, and unknown without one. A call that LiteLLM
// says was free, was free.
func TestLiteLLMUnknownCosts(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("PUT", "/api/providers/openai", `{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":1000,"output_cost_per_million_tokens":0}]}`).Is(200)
	by := g.APIKey("Usage:Create")
	const failed = `,"response_cost_failure_debug_info":{"error_str":"This model isn't mapped yet","model":"gpt-4o"}`
	for id, row := range map[string]struct{ model, more, cost string }{
		"priced":    {"gpt-4o", `,"response_cost":0.0` + failed, "1000000000"},
		"as-text":   {"gpt-4o", `,"response_cost":"0"` + failed, "1000000000"},
		"unpriced":  {"gpt-4o-mini", `,"response_cost":0` + failed, "unknown"},
		"free":      {"gpt-4o", `,"response_cost":0.0,"response_cost_failure_debug_info":null`, "0"},
		"known":     {"gpt-4o", `,"response_cost":0.5` + failed, "500000000"},
		"no-tokens": {"gpt-4o", `,"response_cost":0.0,"prompt_tokens":0,"total_tokens":0` + failed, "0"},
	} {
		log := fmt.Sprintf(`{"id":%q,"model_group":%q,"custom_llm_provider":"openai","total_tokens":1000,"prompt_tokens":1000,"metadata":{"user_api_key_user_id":%q}%s}`,
			id, row.model, g.Ada, row.more)
		for _, status := range []string{"counted", "duplicates"} {
			webtest.Same(t, id, sent(by, "/api/usage/litellm", jsonType, []byte(log)).Is(http.StatusOK).JSON()[status], any(1.0))
		}
		var cost string
		g.Scan(&cost, "SELECT coalesce(cost::text, 'unknown') FROM counted_events WHERE event_name = ?", id)
		webtest.Same(t, "cost of "+id, cost, row.cost)
	}
	g.Balanced()
}

// A log that cannot be read is rejected alone, and named as it was sent; what is no JSON in a field that is not used does
// no harm.
func TestLiteLLMUnreadableLogs(t *testing.T) {
	g := webtest.NewGateway(t)
	by := g.APIKey("Usage:Create")
	// The document describes only what ought to be sent; a body of this media type is not held against it.
	const ndjson, jsonType = "application/x-ndjson", "application/json; charset=utf-8"
	n := 0
	log := func(more string) string {
		n++
		return fmt.Sprintf(`{"id":"log-%d","model":"gpt-4o","custom_llm_provider":"openai","total_tokens":1,"metadata":{"user_api_key_user_id":%q}%s}`, n, g.Ada, more)
	}
	for _, c := range []struct{ what, media, body, rejected string }{
		{"a number", jsonType, "[" + log("") + ",5," + log("") + "]", "[1]"},
		{"a text", jsonType, "[" + log("") + `,"x",` + log("") + "]", "[1]"},
		{"null", jsonType, "[" + log("") + "," + log("") + ",null]", "[2]"},
		{"a list", jsonType, "[[]," + log("") + "," + log("") + "]", "[0]"},
		{"a line", ndjson, log("") + "\n{\"id\":\n\n" + log(`,"note":NaN`) + "\n", "[1]"},
		{"a line that opens a text", ndjson, log("") + "\n{\"id\":\"\n" + log(`,"note":NaN`), "[1]"},
		{"a line as JSON", jsonType, log("") + "\nx\n" + log(""), "[1]"},
		{"NaN", jsonType, "[" + log(`,"note":NaN`) + "," + log(`,"notes":[-Infinity,Infinity],"text":"\"NaN\\"`) + "," + log(`,"response_cost":NaN`) + "]", "[2].response_cost"},
		{"NaN tokens in lines", ndjson, log(`,"note":NaN`) + "\n" + log(`,"prompt_tokens":Infinity`) + "\n" + log(""), "[1].prompt_tokens"},
		{"no user", jsonType, "[" + log("") + "," + log("") + "," + log(`,"metadata":{}`) + "]", "[2].metadata.user_api_key_user_id"},
		{"metadata that is none", jsonType, "[" + log("") + "," + log("") + "," + log(`,"metadata":5`) + "]", "[2].metadata.user_api_key_user_id"},
		{"no id", jsonType, "[" + log(`,"id":null`) + "," + log("") + "," + log("") + "]", "[0].id"},
		{"a time", jsonType, "[" + log(`,"endTime":"soon"`) + "," + log("") + "," + log("") + "]", "[0].endTime"},
		{"tokens that do not add up", jsonType, "[" + log(`,"prompt_tokens":2`) + "," + log("") + "," + log("") + "]", "[0].total_tokens"},
		{"a provider", jsonType, "[" + log(`,"custom_llm_provider":5`) + "," + log("") + "," + log("") + "]", "[0].custom_llm_provider"},
		{"a model", jsonType, "[" + log(`,"model_group":true`) + "," + log("") + "," + log("") + "]", "[0].model_group"},
	} {
		answer := sent(by, "/api/usage/litellm", c.media, []byte(c.body)).Is(http.StatusOK)
		webtest.Same(t, "counted beside "+c.what, answer.JSON()["counted"], any(2.0))
		for _, one := range answer.JSON()["rejected"].([]any) {
			webtest.Same(t, c.what, one.(webtest.Object)["errors"].([]any)[0].(webtest.Object)["param"], any(c.rejected))
		}
		webtest.Same(t, "rejected of "+c.what, len(answer.JSON()["rejected"].([]any)), 1)
		for _, word := range []string{"cannot unmarshal", "strconv", "invalid character", "or the user_id", "events["} {
			if strings.Contains(string(answer.Body), word) {
				t.Errorf("%s: %s", c.what, answer.Body)
			}
		}
	}
}
