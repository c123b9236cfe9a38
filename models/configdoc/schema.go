package configdoc

import (
	"reflect"
	"slices"
)

// schema is a JSON schema.
type schema map[string]any

// Schema is the JSON schema of documents, made from their input structs.
func Schema(address string) map[string]any {
	kinds := []any{
		object(SetKind, reflect.TypeFor[SetDocument](), "name"),
		object(TestsKind, reflect.TypeFor[TestsInput](), "cases"),
	}
	for _, kind := range Kinds {
		required := []string{"name"}
		switch kind {
		case MCPClient:
			required = []string{"client_id", "name"}
		case SCIMConnection:
			required = []string{"name", "default_role"}
		case IdentityProvider:
			required = []string{"slug", "name", "issuer", "client_id"}
		case User:
			required = []string{"email", "name"}
		case Settings:
			required = nil
		}
		kinds = append(kinds, object(kind, reflect.TypeOf(New(kind)).Elem(), required...))
	}
	return schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     address + "/schema/config-v1.json",
		"title":   "A document of Tollgate's configuration",
		"oneOf":   kinds,
	}
}

func object(kind string, of reflect.Type, required ...string) schema {
	s := schemaOf(of)
	s["title"] = kind
	s["properties"].(schema)["kind"] = schema{"const": kind}
	s["required"] = append([]string{"kind"}, required...)
	return s
}

func schemaOf(t reflect.Type) schema {
	switch {
	case t == valueType:
		return schema{"type": "string"}
	case isList(t):
		return schema{"type": "array", "items": schemaOf(listItem(t))}
	}
	properties := schema{}
	for _, f := range fieldsOf(t) {
		if f.serverOnly {
			continue
		}
		properties[f.name] = typed(f)
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false}
}

// types are what fields hold that are no text. What a field may say beyond its type is checked by the server.
var types = map[string][]string{
	"boolean": {
		"protected", "is_active", "is_default", "calendar_aligned", "all_models_allowed", "refuse_unpriced",
		"link_by_email", "create_users", "sign_out_there", "is_enabled", "administrative",
	},
	"number": {
		"max_limit", "token_max_limit", "request_max_limit", "quarter_start_month", "max_session", "retention_days",
		"input_cost_per_million_tokens",
		"output_cost_per_million_tokens", "cache_read_cost_per_million_tokens", "cache_write_cost_per_million_tokens",
	},
}

func typed(f field) schema {
	if f.of != valueType {
		return schemaOf(f.of)
	}
	for name, fields := range types {
		if slices.Contains(fields, f.name) {
			return schema{"type": []string{name, "null"}}
		}
	}
	return schema{"type": []string{"string", "null"}}
}
