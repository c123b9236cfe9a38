package modelstest

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"

	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// GroupTools are tools of a server for a tool group.
func GroupTools(server string, names ...string) input.List[mcptool.GroupToolsInput] {
	return input.List[mcptool.GroupToolsInput]{Kind: input.Array, Items: []mcptool.GroupToolsInput{
		{Row: input.Row{Kind: input.Object}, MCPClientID: Value(server), ToolNames: Values(names...)},
	}}
}

// DecodeJSON reads JSON that a test knows to be valid.
func DecodeJSON(t *testing.T, r *http.Request, into any) {
	t.Helper()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil && r.Method == http.MethodPost {
		t.Errorf("read the request: %v", err)
	}
}

// Forward passes a call on to a handler.
func Forward(w http.ResponseWriter, r *http.Request, to string) {
	target, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	httputil.NewSingleHostReverseProxy(target).ServeHTTP(w, r)
}
