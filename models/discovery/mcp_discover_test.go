package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"tollgate/models/dbtest"
	"tollgate/models/discovery"
	"tollgate/models/mcptool"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// mcpServer runs a real MCP server with tools of these names; what they are can be changed.
func mcpServer(t *testing.T, names ...string) (address string, server *mcp.Server) {
	t.Helper()
	server = mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	addTools(server, names...)
	listener := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil))
	t.Cleanup(listener.Close)
	return listener.URL, server
}

func addTools(server *mcp.Server, names ...string) {
	for _, name := range names {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{}, nil, nil
		})
	}
}

// sealing are the keys of a console.
var sealing = secret.Keys{Sealing: []byte("a key for tests, of 32 bytes....")}

// discover asks a server without a credential.
func discover(ctx context.Context, address string, private bool) (tools, skipped []string, err error) {
	found, err := discovery.Discover(ctx, discovery.Request{Address: address, Private: private})
	return found.Tools, found.Skipped, err
}

func TestDiscoverAsksARealServer(t *testing.T) {
	address, _ := mcpServer(t, "search", "files/read", "a.b-c_d")
	tools, skipped, err := discover(t.Context(), address, true)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(tools)
	if !slices.Equal(tools, []string{"a.b-c_d", "files/read", "search"}) || len(skipped) != 0 {
		t.Errorf("got %v, skipped %v", tools, skipped)
	}
}

func TestDiscoverReadsEveryPage(t *testing.T) {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ServerOptions{PageSize: 3})
	for i := range 10 {
		addTools(server, fmt.Sprintf("tool_%d", i))
	}
	listener := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil))
	defer listener.Close()
	tools, _, err := discover(t.Context(), listener.URL, true)
	if err != nil || len(tools) != 10 {
		t.Errorf("got %v, %v", tools, err)
	}
}

// answering is a server that completes the handshake and lists the tools given as JSON.
func answering(t *testing.T, tools string) string {
	t.Helper()
	return listen(t, func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			ID     any
			Method string
		}
		modelstest.DecodeJSON(t, r, &call)
		w.Header().Set("Content-Type", "application/json")
		switch call.Method {
		case "initialize":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%v,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}}`, call.ID)
		case "tools/list":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%v,"result":{"tools":%s}}`, call.ID, tools)
		case "notifications/initialized":
			w.WriteHeader(http.StatusAccepted)
		default:
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%v,"error":{"code":-32601,"message":"no"}}`, call.ID)
		}
	})
}

func listen(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	return listener.URL
}

func TestDiscoverSkipsNamesThatNoPolicyCanHold(t *testing.T) {
	tool := func(name string) string { return fmt.Sprintf(`{"name":%q,"inputSchema":{"type":"object"}}`, name) }
	address := answering(t, "["+strings.Join([]string{
		tool("good"), tool(""), tool("two words"), tool("<script>"), tool("*"), tool(strings.Repeat("x", 129)), tool("good"), tool("also/good"),
	}, ",")+"]")
	tools, skipped, err := discover(t.Context(), address, true)
	if err != nil || !slices.Equal(tools, []string{"good", "also/good"}) || len(skipped) != 5 {
		t.Errorf("got %v, skipped %v, %v", tools, skipped, err)
	}
}

// One odd entry does not lose the rest, and names are read exactly.
func TestDiscoverPassesOverOddEntries(t *testing.T) {
	const schema = `"inputSchema":{"type":"object"}`
	entries := []string{
		`{"name":"first",` + schema + `}`, `7`, `null`, `[]`, `"text"`, `{}`, `{"Name":"folded",` + schema + `}`, `{"name":"a","name":"b",` + schema + `}`,
		`{"name":7,` + schema + `}`, `{"name":null,` + schema + `}`, `{"NAME":"evil","name":"exact",` + schema + `}`, `{"name":"no schema"}`,
		`{"name":"bare"}`, `{"name":"odd_schema","inputSchema":7,"annotations":[],"title":{}}`, `{"name":"deep","inputSchema":` +
			strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200) + `}`, `{"name":"\u200b\u0007",` + schema + `}`, `{"name":"last",` + schema + `}`,
	}
	want := []string{"first", "exact", "bare", "odd_schema", "deep", "last"}
	named := []string{
		"entry 2 of the answer", "entry 3 of the answer", "entry 4 of the answer", "entry 5 of the answer", "entry 6 of the answer", "entry 7 of the answer",
		"entry 8 of the answer", "entry 9 of the answer", "entry 10 of the answer", `"no schema"`, `"\u200b\a"`,
	}
	list := "[" + strings.Join(entries, ",") + "]"
	for how, address := range map[string]string{"JSON": answering(t, list), "events": answeringEvents(t, list)} {
		tools, skipped, err := discover(t.Context(), address, true)
		if err != nil || !slices.Equal(tools, want) || !slices.Equal(skipped, named) {
			t.Errorf("%s: got %v, skipped %q, %v", how, tools, skipped, err)
		}
	}
	for _, list := range []string{`[{"name":"x"}],"tools":[{"name":"y"}]`, `[{"name":"x"}]},"result":{"tools":[]`} {
		_, _, err := discover(t.Context(), answering(t, list), true)
		modelstest.RefusedAs(t, err, problem.Invalid, "url", "discovery_failed")
	}
}

// answeringEvents is answering by server-sent events, each message on several lines of data.
func answeringEvents(t *testing.T, tools string) string {
	t.Helper()
	plain := answering(t, tools)
	return listen(t, func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		request, _ := http.NewRequestWithContext(r.Context(), r.Method, plain, strings.NewReader(string(content)))
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		if len(answer) == 0 {
			w.WriteHeader(response.StatusCode)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, ": hello\n\nevent: message\r\ndata: %s\r\n\r\n", strings.Replace(string(answer), ",", ",\r\ndata: ", 1))
	})
}

func TestDiscoverCallsNoBarredAddress(t *testing.T) {
	var called atomic.Bool
	address := listen(t, func(http.ResponseWriter, *http.Request) { called.Store(true) })
	port := address[strings.LastIndex(address, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.1.2.3", "[64:ff9b::127.0.0.1]"} {
		_, _, err := discover(t.Context(), "http://"+host+port+"/", false)
		modelstest.RefusedAs(t, err, problem.Invalid, "url", "address_not_allowed")
	}
	for _, host := range []string{
		"169.254.169.254", "[fe80::1%25lo]", "[::ffff:169.254.169.254]", "0.0.0.0", "[::]", "[fec0::1]", "224.0.0.1", "255.255.255.255", "100.100.100.200",
	} {
		_, _, err := discover(t.Context(), "http://"+host+port+"/", true)
		modelstest.RefusedAs(t, err, problem.Invalid, "url", "address_not_allowed")
	}
	// Forms that only some resolvers read as an address: refused either way.
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"} {
		_, _, err := discover(t.Context(), "http://"+host+port+"/", false)
		var refusal *problem.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: got %v", host, err)
		}
	}
	if called.Load() {
		t.Error("a blocked address was called")
	}
}

func TestDiscoverFollowsNoRedirect(t *testing.T) {
	var followed atomic.Bool
	target := listen(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		address := listen(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, status) })
		_, _, err := discover(t.Context(), address, true)
		modelstest.RefusedAs(t, err, problem.Invalid, "url", "discovery_failed")
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestDiscoverEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address := listen(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice that the caller is gone
		cancel()
		<-r.Context().Done()
	})
	_, _, err := discover(ctx, address, true)
	refusal := modelstest.RefusedAs(t, err, problem.Invalid, "url", "discovery_failed")
	if !strings.Contains(refusal.Problems[0].Message, "10 seconds") {
		t.Error(refusal)
	}
}

func TestDiscoverReadsNoEndlessAnswer(t *testing.T) {
	for _, media := range []string{"application/json", "text/event-stream"} {
		var sent atomic.Int64
		address := listen(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", media)
			line := []byte("data: " + strings.Repeat("x", 4000) + "\n")
			for r.Context().Err() == nil {
				n, err := w.Write(line)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
		_, _, err := discover(t.Context(), address, true)
		modelstest.RefusedAs(t, err, problem.Invalid, "url", "discovery_failed")
		if sent.Load() > 16<<20 {
			t.Errorf("%s: %d bytes were taken", media, sent.Load())
		}
	}
}

func TestDiscoverRepeatsNothingTheServerSays(t *testing.T) {
	const secret = "root:x:0:0"
	for _, status := range []int{200, 204, 401, 404, 500} {
		address := listen(t, func(w http.ResponseWriter, r *http.Request) {
			var call struct{ ID any }
			modelstest.DecodeJSON(t, r, &call)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%v,"error":{"code":1,"message":"`+secret+`"}}`, call.ID)
		})
		_, _, err := discover(t.Context(), address, true)
		refusal := modelstest.RefusedAs(t, err, problem.Invalid, "url", "discovery_failed")
		if strings.Contains(refusal.Error(), secret) {
			t.Errorf("repeats %q", refusal)
		}
	}
}

func TestRefreshKeepsToolsThatAreStillNamed(t *testing.T) {
	db, ctx := dbtest.New(t), t.Context()
	address, remote := mcpServer(t, "read", "write")
	s, err := mcptool.CreateServer(ctx, db, sealing, permission.CLI, mcptool.ServerInput{Name: modelstest.Value("Files"), URL: modelstest.Value(address), Tools: modelstest.Values("typed")})
	if err != nil {
		t.Fatal(err)
	}
	s, skipped, err := discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, s.ClientID, true)
	if err != nil || len(skipped) != 0 || !slices.Equal(s.Tools, []string{"read", "write"}) || s.ToolsRefreshedAt == nil {
		t.Fatalf("got %+v, %v, %v", s, skipped, err)
	}
	group, err := mcptool.CreateToolGroup(ctx, db, permission.CLI, mcptool.ToolGroupInput{Name: modelstest.Value("Writers"), Tools: modelstest.GroupTools("files", "write")})
	if err != nil {
		t.Fatal(err)
	}
	remote.RemoveTools("write")
	addTools(remote, "append")
	s, _, err = discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, s.ClientID, true)
	slices.Sort(s.Tools)
	if err != nil || !slices.Equal(s.Tools, []string{"append", "read", "write"}) || !slices.Equal(s.GoneTools, []string{"write"}) {
		t.Fatalf("got %v, gone %v, %v", s.Tools, s.GoneTools, err)
	}
	// What is named can still not be dropped by hand; what comes back is not gone.
	_, err = mcptool.UpdateServer(ctx, db, sealing, permission.CLI, s.ClientID, mcptool.ServerInput{Tools: modelstest.Values("read")})
	modelstest.RefusedAs(t, err, problem.Conflict, "tools", "in_use")
	addTools(remote, "write")
	if s, _, err = discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, s.ClientID, true); err != nil || len(s.Tools) != 3 || len(s.GoneTools) != 0 {
		t.Errorf("got %v, gone %v, %v", s.Tools, s.GoneTools, err)
	}
	remote.RemoveTools("write")
	if s, _, err = discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, s.ClientID, true); err != nil || !slices.Equal(s.GoneTools, []string{"write"}) {
		t.Errorf("gone %v, %v", s.GoneTools, err)
	}
	// A group that grants all tools of the server does not name its tools.
	if _, err := mcptool.UpdateToolGroup(ctx, db, permission.CLI, group.ID, mcptool.ToolGroupInput{Tools: modelstest.GroupTools("files", "*")}); err != nil {
		t.Fatal(err)
	}
	if s, _, err = discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, s.ClientID, true); err != nil || !slices.Contains(s.Tools, "append") || len(s.Tools)+len(s.GoneTools) != 2 {
		t.Errorf("got %v, gone %v, %v", s.Tools, s.GoneTools, err)
	}
}

func TestRefreshNeedsAnAddress(t *testing.T) {
	db, ctx := dbtest.New(t), t.Context()
	if _, err := mcptool.CreateServer(ctx, db, sealing, permission.CLI, mcptool.ServerInput{Name: modelstest.Value("Files")}); err != nil {
		t.Fatal(err)
	}
	_, _, err := discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, "files", true)
	modelstest.RefusedAs(t, err, problem.Invalid, "url", "no_url")
	_, _, err = discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, "nope", true)
	modelstest.RefusedAs(t, err, problem.NotFound, "", "not_found")
}

// While a server takes its time, others may change it; an address that changed meanwhile was not the one asked.
func TestRefreshLocksNothingWhileItAsks(t *testing.T) {
	db, ctx := dbtest.New(t), t.Context()
	real, _ := mcpServer(t, "read")
	changed := make(chan error, 1)
	handler := httptest.NewUnstartedServer(nil)
	handler.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case changed <- func() error {
			_, err := mcptool.UpdateServer(ctx, db, sealing, permission.CLI, "files", mcptool.ServerInput{URL: modelstest.Value(real)})
			return err
		}():
		default:
		}
		modelstest.Forward(w, r, real)
	})
	handler.Start()
	defer handler.Close()
	if _, err := mcptool.CreateServer(ctx, db, sealing, permission.CLI, mcptool.ServerInput{Name: modelstest.Value("Files"), URL: modelstest.Value(handler.URL)}); err != nil {
		t.Fatal(err)
	}
	_, _, err := discovery.RefreshMCPTools(ctx, db, sealing, permission.CLI, "files", true)
	modelstest.RefusedAs(t, err, problem.Conflict, "url", "url_changed")
	if err := <-changed; err != nil {
		t.Errorf("the server could not be changed meanwhile: %v", err)
	}
}
