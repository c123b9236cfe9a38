package openapi_test

import (
	"encoding/json"
	"os"
	"testing"

	"tollgate/handlers/openapi"
)

func TestDump(t *testing.T) {
	d, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(d.JSON) {
		t.Fatal("no JSON")
	}
	os.WriteFile("/tmp/oa/openapi.json", d.JSON, 0o644)
	t.Log(len(d.Operations), len(d.JSON), d.Operations[:6])
}
