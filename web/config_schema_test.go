package web_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tollgate/models/configfile"
	"tollgate/web/webtest"
)

// The schema takes every document that is exported and the example of the documentation, and no field that is none.
func TestConfigSchema(t *testing.T) {
	s := filled(t)
	served, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.Anonymous().Get("/schema/config-v1.json").Is(200).Body))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", served); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("../docs/config-example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents := append(documentsOf(t, s.Admin, "?users=true"), signInDocument(t))
	documents = append(documents, directoryBody(t)["documents"].([]any)...)
	for _, document := range configfile.Parse("example.yaml", content).Documents {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document.AppendJSON(nil)))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, value)
	}
	if len(documents) < 16 {
		t.Errorf("only %d documents", len(documents))
	}
	for _, document := range documents {
		if err := schema.Validate(document); err != nil {
			t.Errorf("%v: %v", document, err)
		}
	}
	for name, value := range map[string]any{"burst": 1, "id": 1, "created_at": "x", "credential_value": "x", "is_system_role": true, "tags": "a", "max_limit": "1"} {
		for _, document := range documents {
			changed := webtest.Object{name: value}
			for name, value := range document.(webtest.Object) {
				if name != "tags" {
					changed[name] = value
				}
			}
			if schema.Validate(changed) == nil {
				t.Errorf("%v is taken", changed)
			}
		}
	}
}
