package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// An event without a cost is charged at the catalogue's price of that moment; a retry stays the same event when prices
// change.
func TestCostComputedFromPrices(t *testing.T) {
	g := webtest.NewGateway(t)
	set := func(prices string) {
		g.Admin.API("PUT", "/api/providers/openai", `{"prices":`+prices+`}`).Is(http.StatusOK)
	}
	price := `{"model":"gpt-4o","input_cost_per_million_tokens":2.5,"output_cost_per_million_tokens":10}`
	set(`[` + price + `]`)
	_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"budgets":[{"max_limit":100,"reset_duration":"1M"}],"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	call := func(more ...any) webtest.Object {
		return webtest.With(webtest.Event(key, "cost", nil, "tokens", nil, "input_tokens", 1_000_001, "output_tokens", 3), more...)
	}
	first := call()
	g.Admin.Counted(first)
	spent := func() int64 { return g.Used(g.Bob)["spend 1M total"] }
	webtest.Same(t, "spent, rounded to the nano-dollar", spent(), int64(2_500_032_500))

	set(`[` + strings.ReplaceAll(price, "2.5", "5") + `]`)
	webtest.Same(t, "the same event again", g.Admin.Report(first).JSON()["status"], any("duplicate"))
	webtest.Same(t, "spent", spent(), int64(2_500_032_500))
	webtest.Same(t, "the same id with a reported cost", g.Admin.Report(webtest.With(first, "cost", 2.5000325)).StatusCode, 409)

	for _, more := range [][]any{
		{"model", "openai/gpt-4o", "provider", nil}, {"model", "openai/gpt-4o"},
	} {
		before, body := spent(), call(append(more, "event_id", uuid.NewString(), "input_tokens", 2, "output_tokens", nil)...)
		if more[0] == "model" && len(more) == 4 {
			delete(body, "provider")
		}
		g.Admin.Counted(body)
		webtest.Same(t, "spent on two tokens", spent()-before, int64(10_000))
	}
	// A reported cost counts; a cost that cannot be computed is unknown.
	for _, more := range [][]any{{"cost", 0}, {"model", "gpt-4o-mini"}, {"input_tokens", nil, "output_tokens", nil, "tokens", 50}} {
		before := spent()
		g.Admin.Counted(call(append(more, "event_id", uuid.NewString())...))
		webtest.Same(t, "spent on one without a computed cost", spent()-before, int64(0))
	}
	webtest.Same(t, "events of unknown cost", g.Count("counted_events WHERE cost IS NULL AND NOT cost_computed"), 2)
	webtest.Same(t, "computed", g.Count("counted_events WHERE cost IS NOT NULL AND cost_computed"), 3)
	set(`[{"model":"gpt-4o","input_cost_per_million_tokens":100000,"output_cost_per_million_tokens":0}]`)
	g.Unchanged(func() {
		g.Admin.Report(call("event_id", uuid.NewString(), "input_tokens", 1_000_000_000_000)).Refuses(http.StatusBadRequest, "number_out_of_range", "tokens")
	})
	// For an unknown user the quarantine keeps what was sent, and that no cost was sent.
	stray := webtest.With(call("event_id", uuid.NewString(), "input_tokens", 1000), "virtual_key", "sk-bf-unknown")
	set(`[` + price + `]`)
	webtest.Same(t, "status", g.Admin.Report(stray).Is(http.StatusOK).JSON()["status"], any("quarantined"))
	var kept string
	g.Scan(&kept, "SELECT event FROM usage_quarantine WHERE event_id = ?", stray["event_id"])
	for _, part := range []string{`"cost":0.00253`, `"cost_computed":true`, `"input_tokens":1000`, `"output_tokens":3`} {
		if !strings.Contains(kept, part) {
			t.Errorf("%s is not in %s", part, kept)
		}
	}
	g.Balanced()
}

// A provider config may refuse models without a price; adding a price then allows them, within a second on every
// console.
func TestUnpricedModelsMayBeRefused(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	profile := g.ProfileNaming("Careful", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"refuse_unpriced":true,"budgets":[{"max_limit":1,"reset_duration":"1d"}]}]`)
	held, key := g.Give(g.Bob, profile)
	webtest.Same(t, "copied", webtest.Objects(held["provider_configs"])[0]["refuse_unpriced"], any(true))
	refused := g.Admin.Decides(webtest.Model(key), "model_blocked", 403)
	if said := refused["message"].(string); !strings.Contains(said, "has no price") {
		t.Errorf("it says %q", said)
	}
	callable := func() any {
		return g.Admin.API("POST", "/access/v1/search/resource", webtest.With(webtest.Evaluation(webtest.Object{"type": "user", "id": g.Bob}, webtest.Object{"type": "model"}))).Is(200).JSON()["results"]
	}
	webtest.Same(t, "callable", len(callable().([]any)), 0)
	g.Admin.API("PUT", "/api/providers/openai", `{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":0,"output_cost_per_million_tokens":0}]}`).Is(http.StatusOK)
	g.Admin.Decides(webtest.Model(key), "allowed", 200)
	webtest.Same(t, "callable", len(callable().([]any)), 1)
	g.Admin.At(other).WithinASecond(webtest.Model(key), "allowed")
	g.Admin.Decides(webtest.With(webtest.Model(key), "model", "gpt-4o-mini"), "model_blocked", 403)

	// If one copy refuses a call and another allows it, the one that allows it pays.
	free, _ := g.Assign(g.Bob, g.ProfileNaming("Free", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	g.Admin.Decides(webtest.With(webtest.Model(key), "model", "gpt-4o-mini"), "allowed", 200)
	call := webtest.Event(key, "model", "gpt-4o-mini")
	g.Admin.Counted(call)
	var payer int64
	g.Scan(&payer, "SELECT copy_id FROM counted_events WHERE event_id = ?", call["event_id"])
	webtest.Same(t, "payer", payer, webtest.Int64ID(free))

	g.Admin.API("PUT", "/api/access-profiles/"+fmt.Sprint(profile), `{"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]}`).Is(http.StatusOK)
	g.Admin.API("POST", "/api/access-profiles/"+fmt.Sprint(profile)+"/propagate", `{"fields":["provider_configs"]}`).Is(http.StatusOK)
	webtest.Same(t, "pushed", webtest.Objects(g.Copies(g.Bob)[0]["provider_configs"])[0]["refuse_unpriced"], any(nil))
}

func TestPricesThatAreRefused(t *testing.T) {
	c := webtest.NewCast(t)
	for _, row := range []struct{ price, code, param string }{
		{`{"model":"m","input_cost_per_million_tokens":-1,"output_cost_per_million_tokens":1}`, "number_out_of_range", "prices[0].input_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":100000.1}`, "number_out_of_range", "prices[0].output_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":"1","output_cost_per_million_tokens":1}`, "wrong_type", "prices[0].input_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":0.0000000001,"output_cost_per_million_tokens":1}`, "too_many_decimals", "prices[0].input_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1,"cache_read_cost_per_million_tokens":-1}`, "number_out_of_range", "prices[0].cache_read_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1,"cache_write_cost_per_million_tokens":1e-10}`, "too_many_decimals", "prices[0].cache_write_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1,"cache_write_cost_per_million_tokens":"1"}`, "wrong_type", "prices[0].cache_write_cost_per_million_tokens"},
		{`{"model":"m","input_cost_per_million_tokens":1}`, "required", "prices[0].output_cost_per_million_tokens"},
		{`{"input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}`, "required", "prices[0].model"},
		{`{"model":" m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}`, "invalid_characters", "prices[0].model"},
		{`7`, "wrong_type", "prices[0]"},
		{`{"model":"m","price":1,"input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}`, "unknown_field", "prices[0].price"},
		{
			`{"model":"m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1},{"model":"m","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}`,
			"duplicate_model", "prices[1].model",
		},
	} {
		c.Admin.API("PUT", "/api/providers/openai", `{"prices":[`+row.price+`]}`).Refuses(http.StatusBadRequest, row.code, row.param)
	}
	c.Admin.API("PUT", "/api/providers/openai", `{"price_lines":"m 1 2"}`).Refuses(http.StatusBadRequest, "unknown_field", "price_lines")

	// In the form a price is a line of text, and comes back as it was typed.
	fields := url.Values{"models": {"gpt-4o\r\ngpt-4o-mini"}}
	fields.Set("price_lines", "gpt-4o 2.50 10\r\n\r\ngpt-4o-mini 0.15 lots")
	page := c.Session.Save("/providers/openai", fields).Refuses(http.StatusUnprocessableEntity, "wrong_type", "prices[1].output_cost_per_million_tokens")
	webtest.Same(t, "typed", strings.TrimSpace(page.One("textarea", "name", "price_lines").FirstChild.Data), "gpt-4o 2.50 10\n\ngpt-4o-mini 0.15 lots")
	if said := webtest.Text(page.One("p", "id", "price_lines-error")); !strings.HasPrefix(said, "Line 3: ") {
		t.Errorf("at the field: %q", said)
	}
	for _, row := range []struct{ line, code, param, says string }{
		{"gpt-image-1 1 2 0.1", "ambiguous_price", "model", "write read 0.11 write 1.75 for cache prices"},
		{"gpt-image-1 1 2 0.1 read 1", "ambiguous_price", "model", "write read 0.11 write 1.75 for cache prices"},
		{"gpt-image-1 $1 2 0.1", "ambiguous_price", "model", "write read 0.11 write 1.75 for cache prices"},
		{"claude 3 1 2", "ambiguous_price", "model", "remove the space before 3, or set this price through the API"},
		{"m €1 2", "wrong_type", "input_cost_per_million_tokens", "the input price as a number of dollars"},
		{"m 1 1e3", "wrong_type", "output_cost_per_million_tokens", "the output price as a number of dollars"},
		{"m 1 2 read $1,5", "wrong_type", "cache_read_cost_per_million_tokens", "the cache read price with a point before its decimals"},
		{"m,1,soon", "wrong_type", "output_cost_per_million_tokens", "the output price as a number of dollars"},
		{"m;1,25;10", "wrong_type", "input_cost_per_million_tokens", "the input price with a point before its decimals"},
		{"m 1 2 write 1000000001", "number_out_of_range", "cache_write_cost_per_million_tokens", "the cache write price between 0 and 100000 dollars"},
		{"m -1 2", "number_out_of_range", "input_cost_per_million_tokens", "the input price between 0 and 100000 dollars"},
	} {
		fields.Set("price_lines", row.line)
		page := c.Session.Save("/providers/openai", fields).Refuses(http.StatusUnprocessableEntity, row.code, "prices[0]."+row.param)
		said := webtest.Text(page.One("main"))
		if strings.Count(said, row.says) != 2 || !strings.Contains(said, "Prices, line 1: ") { // in the summary and at the field
			t.Errorf("%s: the page does not say %q once each", row.line, row.says)
		}
	}
	// Digits in a name are not an amount, and a name that was set through the API stays.
	c.Admin.API("PUT", "/api/providers/openai", `{"prices":[{"model":"claude 3","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1e1}]}`).Is(200)
	fields.Set("price_lines", "claude 3 1 2\ngpt-4.1 1 2\nllama  3b 1 2")
	c.Session.Save("/providers/openai", fields).Redirects("/providers/openai")
	webtest.Same(t, "stored", len(webtest.Objects(c.Admin.API("GET", "/api/providers/openai", nil).Object("provider")["prices"])), 3)
	fields.Set("price_lines", "gpt-4o 2.50 10\r\ngpt-4o-mini\t0.15\t0.6")
	c.Session.Save("/providers/openai", fields).Redirects("/providers/openai")
	got := c.Admin.API("GET", "/api/providers/openai", nil).Is(http.StatusOK).JSON()["provider"].(webtest.Object)
	var prices []string
	for _, price := range webtest.Objects(got["prices"]) {
		prices = append(prices, fmt.Sprint(price["model"], " ", price["input_cost_per_million_tokens"], " ", price["output_cost_per_million_tokens"]))
	}
	webtest.Same(t, "stored", fmt.Sprint(prices), "[gpt-4o 2.5 10 gpt-4o-mini 0.15 0.6]")
	fields.Set("price_lines", "")
	c.Session.Save("/providers/openai", fields).Redirects("/providers/openai")
	webtest.Same(t, "prices", len(c.Admin.API("GET", "/api/providers/openai", nil).JSON()["provider"].(webtest.Object)["prices"].([]any)), 0)
}

// Prices may be pasted from a table, with or without a header, and every line that cannot be read is named.
func TestPricesPastedFromATable(t *testing.T) {
	c := webtest.NewCast(t)
	stored := func() (prices []string) {
		for _, p := range webtest.Objects(c.Admin.Get("/api/providers/openai").Is(200).Object("provider")["prices"]) {
			prices = append(prices, fmt.Sprint(p["model"], " ", p["input_cost_per_million_tokens"], " ", p["output_cost_per_million_tokens"],
				" ", p["cache_read_cost_per_million_tokens"], " ", p["cache_write_cost_per_million_tokens"]))
		}
		return prices
	}
	for lines, want := range map[string]string{
		"gpt-5,1.25,10\nclaude 3,$3,$15,0.3,3.75":                                          "[gpt-5 1.25 10 <nil> <nil> claude 3 3 15 0.3 3.75]",
		"Provider;Model;Output price;Input price;Cached input\nopenai;gpt-5;10;1.25;0.125": "[gpt-5 1.25 10 0.125 <nil>]",
		"model\tinput\toutput\nclaude 3\t3\t15\nllama\t0\t0":                               "[claude 3 3 15 <nil> <nil> llama 0 0 <nil> <nil>]",
		"model,input,output\n\"dall-e, large\",\"$1,234.50\",2":                            "[dall-e, large 1234.5 2 <nil> <nil>]",
		"gpt-5 $1,234.50 $2,000.00\ngpt-4o 2.5 10 read 1.25":                               "[gpt-5 1234.5 2000 <nil> <nil> gpt-4o 2.5 10 1.25 <nil>]",
	} {
		c.Session.Save("/providers/openai", url.Values{"models": {"gpt-5"}, "price_lines": {lines}}).Redirects("/providers/openai")
		webtest.Same(t, lines, fmt.Sprint(stored()), want)
	}
	page := c.Session.Save("/providers/openai", url.Values{"models": {"gpt-5"}, "price_lines": {"model,input,output\na,1,2\nb,see contract,2\nc,1\nd,1,2"}}).Is(422)
	said := webtest.Text(page.One("div", "id", "problems"))
	for _, words := range []string{"line 3: Enter the input price", "line 4: Enter the output price"} {
		if !strings.Contains(said, words) {
			t.Errorf("%q is not in %q", words, said)
		}
	}
	if area := webtest.Text(page.One("p", "id", "price_lines-error")); !strings.Contains(area, "Line 3: ") || !strings.Contains(area, "Line 4: ") {
		t.Errorf("at the field: %q", area)
	}
}

// A header that names a unit is obeyed, and the page says so; one that is not understood is refused, and nothing stored.
func TestPricesPastedInOtherUnits(t *testing.T) {
	c := webtest.NewCast(t)
	form := func(lines string) url.Values { return url.Values{"models": {"m"}, "price_lines": {lines}} }
	saved := c.Session.Follow(c.Session.Save("/providers/openai", form("Model\tInput ($/1K tokens)\tOutput ($/1K tokens)\nm\t$0.002\t$0.006")).Is(303))
	if text := webtest.Text(saved.One("main")); !strings.Contains(text, "were read as dollars per 1,000 tokens") {
		t.Errorf("after saving: %s", text)
	}
	price := webtest.Objects(c.Admin.Get("/api/providers/openai").Is(200).Object("provider")["prices"])[0]
	webtest.Same(t, "price", fmt.Sprint(price["input_cost_per_million_tokens"], " ", price["output_cost_per_million_tokens"]), "2 6")
	page := c.Session.Save("/providers/openai", form("Model,Input per token,Output per token\nm,0.000002,soon")).Is(422)
	if text := webtest.Text(page.One("main")); !strings.Contains(text, "Read as dollars per token, as the header says") {
		t.Errorf("the form: %s", text)
	}
	for _, header := range []string{
		"Model,Input per character,Output per character", "Model,Input per 1K characters,Output per 1K characters", "Model,Input (€/1M),Output (€/1M)",
		"Model,Input per image,Output per 1M", "Model,Input per 1K,Output", "Model,Unit,Input,Output", "Model (per 1K tokens),Input,Output",
		"Model,Input per 100 tokens,Output per 100 tokens", "Model,Input cents/1K,Output cents/1K",
	} {
		refused := c.Session.Save("/providers/openai", form(header+"\nm,1,2,3")).Refuses(422, "unknown_unit", "prices[0]")
		if text := webtest.Text(refused.One("div", "id", "problems")); !strings.Contains(text, "line 1: ") {
			t.Errorf("%s: %s", header, text)
		}
	}
}

// Cached input tokens are charged at the price of the cache, and tokens written to it at the price of writing.
func TestCachedTokens(t *testing.T) {
	g := webtest.NewGateway(t)
	_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"budgets":[{"max_limit":100,"reset_duration":"1M"}],"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	const plain, read, both = "plain", "read", "both"
	g.Admin.API("PUT", "/api/providers/openai", `{"prices":[
{"model":"plain","input_cost_per_million_tokens":1.4,"output_cost_per_million_tokens":2},
{"model":"read","input_cost_per_million_tokens":1.4,"output_cost_per_million_tokens":2,"cache_read_cost_per_million_tokens":0.11},
{"model":"both","input_cost_per_million_tokens":1.4,"output_cost_per_million_tokens":2,"cache_read_cost_per_million_tokens":0.11,"cache_write_cost_per_million_tokens":1.75}]}`).Is(200)
	for _, row := range []struct {
		model           string
		read, write, of any
		reasoning       any
		nanos           int64
	}{
		{read, 27_146, nil, 27_147, nil, 2_987_460 + 20_000},
		{plain, 27_146, nil, 27_147, nil, 38_005_800 + 20_000},
		{both, 27_146, 1, 27_147, 10, 2_986_060 + 1_750 + 20_000},
		{read, 0, 27_147, 27_147, 3, 38_005_800 + 20_000},
		{both, nil, 27_147, 27_147, nil, 47_507_250 + 20_000},
	} {
		before := g.Used(g.Bob)
		call := webtest.Event(key, "model", row.model, "cost", nil, "tokens", nil, "input_tokens", row.of, "output_tokens", 10,
			"cached_input_tokens", row.read, "cache_write_input_tokens", row.write, "reasoning_output_tokens", row.reasoning)
		if call["model"] != plain {
			stray := webtest.With(call, "virtual_key", "sk-bf-unknown", "event_id", uuid.NewString())
			webtest.Same(t, "of an unknown key", g.Admin.Report(stray).Is(200).JSON()["status"], any("quarantined"))
			g.Admin.API("POST", fmt.Sprint("/api/usage/quarantine/", stray["event_id"], "/assign"), webtest.Object{"user_id": g.Bob}).Is(200)
		} else {
			g.Admin.Counted(webtest.With(call, "event_id", uuid.NewString()))
		}
		g.Admin.Counted(call)
		webtest.Same(t, "reported again", g.Admin.Report(call).JSON()["status"], any("duplicate"))
		g.Admin.Report(webtest.With(call, "cached_input_tokens", 1, "cache_write_input_tokens", 1)).Refuses(http.StatusConflict, "event_conflict", "event_id")
		after := g.Used(g.Bob)
		webtest.Same(t, fmt.Sprint(row, ": spent twice"), after["spend 1M total"]-before["spend 1M total"], 2*row.nanos)
		number := func(v any) any {
			if v == nil {
				return nil
			}
			return int64(v.(int))
		}
		webtest.Same(t, "stored twice", g.Count(`counted_events WHERE model = ? AND (cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens)
    IS NOT DISTINCT FROM (?::bigint, ?::bigint, ?::bigint)`, row.model, number(row.read), number(row.write), number(row.reasoning)), 2)
	}
	g.Balanced()

	// The page shows the prices, the form keeps them, and the body of an answer may be sent back.
	page := g.Session.Get("/providers/openai").Is(200)
	for _, words := range []string{"as input", "$0.11", "$1.75"} {
		if !strings.Contains(string(page.Body), words) {
			t.Errorf("the page does not show %q", words)
		}
	}
	stored := g.Admin.API("GET", "/api/providers/openai", nil).Is(200).Object("provider")
	g.Unchanged(func() {
		g.Admin.API("PUT", "/api/providers/openai", webtest.Object{"prices": stored["prices"]}).Is(200)
		form := g.Session.Get("/providers/openai/edit").Is(200)
		lines := strings.TrimSpace(form.One("textarea", "name", "price_lines").FirstChild.Data)
		webtest.Same(t, "lines", lines, "plain 1.4 2\nread 1.4 2 read 0.11\nboth 1.4 2 read 0.11 write 1.75")
		models := form.One("textarea", "name", "models").FirstChild.Data
		g.Session.Save("/providers/openai", url.Values{"models": {models}, "price_lines": {lines}}).Redirects("/providers/openai")
	})
	form := url.Values{"models": {"m"}, "price_lines": {"a  write 1 2 write 3\nb 1 2 write 3 read 0\nc 1 2 read x"}}
	refused := g.Session.Save("/providers/openai", form).Refuses(http.StatusUnprocessableEntity, "wrong_type", "prices[2].cache_read_cost_per_million_tokens")
	webtest.Same(t, "typed", strings.TrimSpace(refused.One("textarea", "name", "price_lines").FirstChild.Data), "a  write 1 2 write 3\nb 1 2 write 3 read 0\nc 1 2 read x")
	form.Set("price_lines", "a  write 1 2 write 3\nb 1 2 write 3 read 0")
	g.Session.Save("/providers/openai", form).Redirects("/providers/openai")
	prices := webtest.Objects(g.Admin.API("GET", "/api/providers/openai", nil).Is(200).Object("provider")["prices"])
	webtest.Same(t, "named with two spaces", []any{prices[0]["model"], prices[0]["cache_read_cost_per_million_tokens"], prices[0]["cache_write_cost_per_million_tokens"]}, []any{"a  write", nil, 3.0})
	webtest.Same(t, "free to read", []any{prices[1]["cache_read_cost_per_million_tokens"], prices[1]["cache_write_cost_per_million_tokens"]}, []any{0.0, 3.0})
	g.Admin.API("PUT", "/api/providers/openai", `{"prices":[{"model":"b","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":2,"cache_read_cost_per_million_tokens":null}]}`).Is(200)
	webtest.Same(t, "cleared", webtest.Objects(g.Admin.API("GET", "/api/providers/openai", nil).Object("provider")["prices"])[0]["cache_read_cost_per_million_tokens"], nil)
}
