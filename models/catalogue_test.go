package models_test

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"

	"tollgate/models"
)

func groupTools(server string, names ...string) models.List[models.GroupToolsInput] {
	return models.List[models.GroupToolsInput]{Kind: models.Array, Items: []models.GroupToolsInput{
		{Row: models.Row{Kind: models.Object}, MCPClientID: value(server), ToolNames: values(names...)},
	}}
}

func decodeJSON(t *testing.T, r *http.Request, into any) {
	t.Helper()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil && r.Method == http.MethodPost {
		t.Errorf("read the request: %v", err)
	}
}

func forward(w http.ResponseWriter, r *http.Request, to string) {
	target, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	httputil.NewSingleHostReverseProxy(target).ServeHTTP(w, r)
}
