package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// model is a provider in the shape of OpenAI's API: it answers each call with the same usage, in one piece or as a stream,
// whose usage comes last if the call asks for it.
type model struct {
	*httptest.Server
	last  atomic.Pointer[http.Request]
	body  atomic.Pointer[string]
	pause atomic.Pointer[chan struct{}] // a stream waits for it after its first piece
}

const chatUsage = `{"prompt_tokens":19,"completion_tokens":6,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":4}}`

// response is an answer of the Responses API. It repeats tools and metadata of its client, whose braces balance around
// the usage, and which have an object called usage, too.
const (
	responseUsage = `{"input_tokens":19,"output_tokens":6,"total_tokens":25,"input_tokens_details":{"cached_tokens":4}}`
	response      = `{"id":"resp_1","object":"response","output":[],"tools":[{"parameters":{"properties":{"usage":{"d":"{{{{"}}}}],"usage":` +
		responseUsage + `,"metadata":{"a":"}}}}","usage":{"input_tokens":1,"output_tokens":1}}}`
)

func newModel(t *testing.T) *model {
	t.Helper()
	m := &model{}
	m.Server = httptest.NewServer(http.HandlerFunc(m.answer))
	t.Cleanup(m.Close)
	return m
}

func (m *model) answer(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	body := string(raw)
	m.last.Store(r.Clone(r.Context()))
	m.body.Store(&body)
	switch {
	case strings.Contains(body, "fail"):
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"message":"not that","type":"invalid_request_error"}}`)
	case strings.Contains(body, "silent"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id":"resp_2","object":"response","output":[{"text":"one two three"}],"usage":null}`)
	case strings.Contains(body, "unfinished"):
		w.Header().Set("Content-Type", "text/event-stream")
		created := fmt.Sprintf("data: {\"response\":%s}\n\n", strings.Replace(response, responseUsage, "null", 1))
		fmt.Fprint(w, created+strings.Repeat("data: {\"delta\":\"word \"}\n\n", 20)+"data: {\"response\":{\"status\":\"failed\",\"usage\":null}}\n\n")
	case strings.HasSuffix(r.URL.Path, "/responses") && strings.Contains(body, `"stream":true`):
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: response.created\ndata: {\"response\":%s}\n\n", strings.Replace(response, responseUsage, "null", 1))
		fmt.Fprintf(w, "event: response.completed\ndata: {\"response\":%s}\n\n", response)
	case strings.HasSuffix(r.URL.Path, "/responses"):
		w.Header().Set("Content-Type", "application/json")
		long := strings.Repeat("words ", strings.Count(body, "long")*50_000)
		fmt.Fprint(w, strings.Replace(response, `"output":[]`, `"output":[{"text":"`+long+`"}]`, 1))
	case strings.Contains(body, `"stream":true`):
		m.stream(w, strings.Contains(body, "include_usage"))
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"\"usage\":{\"prompt_tokens\":9}"},"finish_reason":"stop"}],"usage":`+chatUsage+`}`)
	}
}

func (m *model) stream(w http.ResponseWriter, usage bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	piece := func(choices, more string) {
		fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":%s%s}`+"\n\n", choices, more)
		w.(http.Flusher).Flush()
	}
	for range 6 {
		piece(`[{"index":0,"delta":{"content":"word "}}]`, "")
		if pause := m.pause.Load(); pause != nil {
			<-*pause
		}
	}
	if usage {
		piece(`[]`, `,"usage":`+chatUsage)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// freeAddress is an address of loopback that is free for now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// beside runs a program until the test ends, and waits until it listens.
func beside(t *testing.T, address string, environment []string, name string, arguments ...string) {
	t.Helper()
	said := &strings.Builder{}
	command := exec.Command(name, arguments...)
	command.Env, command.Stdout, command.Stderr = append(os.Environ(), environment...), said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { command.Wait(); close(ended) }()
	t.Cleanup(func() {
		command.Process.Kill()
		if <-ended; t.Failed() {
			t.Log(said)
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience * time.Millisecond); ; <-tick.C {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended", name)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen", name)
		}
	}
}

// frontOf starts Portkey's gateway before a provider, and the documented nginx before that; it returns its address.
func (c *console) frontOf(t *testing.T, provider, key string) string {
	t.Helper()
	gateway := freeAddress(t)
	_, port, _ := net.SplitHostPort(gateway)
	beside(t, gateway, []string{"TRUSTED_CUSTOM_HOSTS=127.0.0.1"}, "node", "--require", "./loopback.cjs",
		"node_modules/@portkey-ai/gateway/build/start-server.js", "--headless", "--port="+port)
	front := freeAddress(t)
	proxies, err := filepath.Abs("../.ci/proxies/usr")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Abs("../docs/gateways")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	_, config, _ := strings.Cut(string(text), "```conf\n")
	config, _, _ = strings.Cut(config, "```\n")
	folder := t.TempDir()
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(c.url, "http://"))
	config = "daemon off;\nmaster_process off;\npid " + folder + "/pid;\nerror_log stderr error;\n" + strings.NewReplacer(
		"http {\n", "http {\n  access_log off;\n  client_body_temp_path "+folder+"/body;\n  proxy_temp_path "+folder+"/proxy;\n"+
			"  fastcgi_temp_path "+folder+"/fastcgi;\n  uwsgi_temp_path "+folder+"/uwsgi;\n  scgi_temp_path "+folder+"/scgi;\n",
		"modules/", proxies+"/lib/nginx/modules/", "/etc/nginx/?.lua;;", documents+"/?.lua;"+proxies+"/share/lua/5.1/?.lua;;",
		`"127.0.0.1", 8080`, fmt.Sprintf("%q, %s", host, port), "127.0.0.1:8000", front, "127.0.0.1:4000", gateway,
		`"api_key":"the-providers-key"`, `"api_key":"the-providers-key","custom_host":"`+provider+`/v1"`,
		"  init_by_lua_block {\n", `  lua_package_cpath "`+cjsonPath(t, proxies)+";;\";\n  init_by_lua_block {\n",
	).Replace(config)
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = proxies + "/sbin/nginx"
	}
	libraries := filepath.Dir(filepath.Dir(filepath.Dir(cjsonPath(t, proxies))))
	beside(t, front, []string{"TOLLGATE_API_KEY=" + key, "LD_LIBRARY_PATH=" + libraries + ":" + strings.Replace(libraries, "/usr/lib/", "/lib/", 1)},
		nginx, "-c", file, "-p", folder, "-e", "stderr")
	return "http://" + front
}

// cjsonPath is where the libraries of Lua are; the folder has the machine's architecture in its name.
func cjsonPath(t *testing.T, proxies string) string {
	t.Helper()
	found, err := filepath.Glob(proxies + "/lib/*/lua/5.1/cjson.so")
	if err != nil || len(found) != 1 {
		t.Fatalf("lua-cjson is not installed, run: .ci/install lua (%v %v)", found, err)
	}
	return filepath.Dir(found[0]) + "/?.so"
}

// call sends a call through the front, with headers in pairs, until it is decided.
func call(t *testing.T, front, path, key, body string, headers ...string) (status int, answer string) {
	t.Helper()
	response, read := repeated(t, func() (*http.Response, error) { return send(t, front+path, key, body, headers...) })
	return response.StatusCode, string(read)
}

// send sends a call once, with headers in pairs.
func send(t *testing.T, url, key, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return http.DefaultClient.Do(request)
}

// TestLuaFront runs the documented nginx with Lua before Portkey's gateway and a small provider: what a call used is
// counted exactly, refusals of each kind, hostile clients, a client that hangs up, and a console that does not answer.
func TestLuaFront(t *testing.T) {
	t.Parallel()
	c, err := newConsole()
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.key()
	if err != nil {
		t.Fatal(err)
	}
	c.made(t, "/api/providers", `{"name":"openai","models":["gpt-4o","gpt-4o-mini"],"prices":[
		{"model":"gpt-4o","input_cost_per_million_tokens":2.5,"output_cost_per_million_tokens":10,"cache_read_cost_per_million_tokens":1.25}]}`)
	held := func(name, limits string) (user, key string) {
		profile := c.made(t, "/api/access-profiles", `{"name":"`+name+`","provider_configs":[{"provider_name":"openai","allowed_models":["gpt-4o"]}],`+limits+`}`)
		home := c.hire(t, name, "Viewer")
		given := c.made(t, "/api"+home+"/access-profiles", fmt.Sprintf(`{"access_profile_id":%v}`, profile["access_profile"].(object)["id"]))
		return strings.TrimPrefix(home, "/users/"), given["virtual_key"].(object)["value"].(string)
	}
	ada, adas := held("Counted by the front", `"budgets":[{"max_limit":5,"reset_duration":"1d"}]`)
	paul, pauls := held("Poor behind the front", `"budgets":[{"max_limit":0.015,"reset_duration":"1d"}]`)
	m := newModel(t)
	front := c.frontOf(t, m.URL, key)

	const chat = "/v1/chat/completions"
	plain := `{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],"seed":12345678901234567,"tools":[]`
	sums := func(want string) {
		t.Helper()
		eventually(t, want, func() string { return c.reported(t, ada) })
	}
	// 15 fresh input tokens, 4 cached and 6 of output: 15 × 2.5 + 4 × 1.25 + 6 × 10 millionths of a dollar.
	status, answer := call(t, front, chat, adas, plain+"}", "x-portkey-config", `{"provider":"openai","custom_host":"http://127.0.0.1:1/v1"}`, "Accept-Encoding", "gzip")
	same(t, "an answer in one piece", fmt.Sprint(status, strings.Contains(answer, "total_tokens")), "200 true")
	same(t, "the provider's key", m.last.Load().Header.Get("Authorization"), "Bearer the-providers-key")
	if body := *m.body.Load(); !strings.Contains(body, "12345678901234567") && !strings.Contains(body, "12345678901234568") {
		t.Errorf("the provider got %s", body)
	}
	sums("25 tokens, 1 requests, $0.0001025")
	status, answer = call(t, front, chat, adas, plain+`,"stream":true}`)
	same(t, "a stream", fmt.Sprint(status, strings.Count(answer, "word "), strings.Contains(answer, "[DONE]")), "200 6 true")
	sums("50 tokens, 2 requests, $0.000205")
	status, _ = call(t, front, "/v1/responses", adas, `{"model":"gpt-4o","input":"hello"}`)
	same(t, "the Responses API", fmt.Sprint(status), "200")
	sums("75 tokens, 3 requests, $0.0003075")
	status, answer = call(t, front, "/v1/responses", adas, `{"model":"gpt-4o","input":"hello","stream":true,"background":null}`)
	same(t, "a stream of the Responses API", fmt.Sprint(status, strings.Count(answer, "data:")), "200 2")
	sums("100 tokens, 4 requests, $0.00041")
	status, answer = call(t, front, "/v1/responses", adas, `{"model":"gpt-4o","input":"long"}`)
	same(t, "an answer of which only the end is kept", fmt.Sprint(status, len(answer) > 300_000), "200 true")
	sums("125 tokens, 5 requests, $0.0005125")
	silent := `{"model":"gpt-4o","input":"silent","background":false}`
	status, answer = call(t, front, "/v1/responses", adas, silent)
	same(t, "an answer without usage", fmt.Sprint(status), "200")
	in, out := (len(silent)+3)/4, (len(answer)+3)/4
	estimated := func(requests int) string {
		spent := 512_500 + in*2_500 + out*10_000
		return fmt.Sprintf("%d tokens, %d requests, $0.%s", 125+in+out, requests, strings.TrimRight(fmt.Sprintf("%09d", spent), "0"))
	}
	sums(estimated(6))
	unfinished := `{"model":"gpt-4o","input":"unfinished","stream":true}`
	status, answer = call(t, front, "/v1/responses", adas, unfinished)
	same(t, "a stream that fails", fmt.Sprint(status, strings.Count(answer, "word ")), "200 20")
	in, out = in+(len(unfinished)+3)/4, out+22
	all := estimated(7)
	sums(all)

	for _, refused := range []struct{ what, path, key, body, want string }{
		{"an unknown key", chat, "sk-bf-unknown", plain + "}", "401"},
		{"a model that is not granted", chat, adas, strings.Replace(plain, "gpt-4o", "gpt-4o-mini", 1) + "}", "403"},
		{"Model beside model", chat, adas, plain + `,"Model":"gpt-4o-mini"}`, "400"},
		{"fallbacks", chat, adas, plain + `,"fallbacks":["gpt-4o-mini"]}`, "400"},
		{"a list of models", chat, adas, plain + `,"models":["gpt-4o","gpt-4o-mini"]}`, "400"},
		{"Fallbacks of LiteLLM", chat, adas, plain + `,"Context_Window_Fallbacks":[{"gpt-4o":["gpt-4o-mini"]}]}`, "400"},
		{"a second model that is not granted", chat, adas, plain + `,"model":"gpt-4o-mini"}`, "403"},
		{"a stream without usage", chat, adas, plain + `,"stream":true,"stream_options":null}`, "400"},
		{"no usage wanted", chat, adas, plain + `,"stream":true,"stream_options":{"include_usage":false}}`, "400"},
		{"an answer that is fetched later", "/v1/responses", adas, `{"model":"gpt-4o","input":"hello","background":true}`, "400"},
		{"Background", "/v1/responses", adas, `{"model":"gpt-4o","input":"hello","Background":true}`, "400"},
		{"a path that is not listed", "/v1/images/generations", adas, `{"model":"gpt-4o"}`, "404"},
		{"no JSON", chat, adas, "x", "400"},
		{"a list", chat, adas, "[]", "400"},
		{"no model", chat, adas, `{"messages":[]}`, "400"},
		{"what the provider refuses", chat, adas, strings.Replace(plain, "hello", "fail", 1) + "}", "400"},
	} {
		status, answer := call(t, front, refused.path, refused.key, refused.body)
		if fmt.Sprint(status) != refused.want {
			t.Errorf("%s: %d %s", refused.what, status, answer)
		}
	}
	sums(all)
	eventually(t, "0", func() string { return c.reserved(t, adas) }) // what was held for the call that the provider refused

	pause := make(chan struct{})
	m.pause.Store(&pause)
	away := hangUp(t, front+chat, pauls, plain+`,"stream":true}`)
	status, answer = call(t, front, chat, pauls, plain+"}")
	if status != http.StatusPaymentRequired || !strings.Contains(answer, "budget") {
		t.Errorf("a second estimate while the first is held: %d %s", status, answer)
	}
	away()
	m.pause.Store(nil)
	close(pause)
	eventually(t, "true", func() string { // by an estimate, or by what the provider says if nginx reads that far
		return fmt.Sprint(strings.Contains(c.reported(t, paul), " 1 requests, $0.000"))
	})
	eventually(t, "0", func() string { return c.reserved(t, pauls) })

	thaw := c.freeze(t)
	begin := time.Now()
	response, err := send(t, front+chat, adas, plain+"}")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if took := time.Since(begin); response.StatusCode != http.StatusServiceUnavailable || took > 15*time.Second {
		t.Errorf("while the console does not decide: %d after %s", response.StatusCode, took)
	}
	thaw()
}

// reserved is what is held of the first limit of a key.
func (c *console) reserved(t *testing.T, key string) string {
	t.Helper()
	_, answer := c.api(t, "POST", "/api/decisions", `{"virtual_key":"`+key+`","model":"openai/gpt-4o"}`)
	var decision struct {
		Limits []struct{ Reserved json.Number }
	}
	if err := json.Unmarshal(answer, &decision); err != nil || len(decision.Limits) == 0 {
		t.Fatalf("%v: %s", err, answer)
	}
	return decision.Limits[0].Reserved.String()
}

// eventually waits until something is as it should be.
func eventually(t *testing.T, want string, is func() string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience * time.Millisecond); ; <-tick.C {
		got := is()
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

// hangUp begins to read a stream; away leaves it.
func hangUp(t *testing.T, url, key, body string) (away func()) {
	t.Helper()
	var response *http.Response
	eventually(t, "200", func() string {
		var err error
		if response, err = send(t, url, key, body); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK {
			response.Body.Close()
		}
		return fmt.Sprint(response.StatusCode)
	})
	if _, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil {
		t.Error(err)
	}
	return func() { response.Body.Close() }
}
