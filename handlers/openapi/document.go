package openapi

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var source []byte

// Document is the API: as JSON, and as a list for pages.
type Document struct {
	JSON       []byte
	Operations []Operation
}

// Operation is one method of one path, with the permission it needs.
type Operation struct{ Tag, Method, Path, Summary, Permission string }

// Load reads the document once; every later call returns the same one, which callers must not change.
var Load = sync.OnceValues(func() (*Document, error) {
	var root yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(source, &root, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	document := &Document{}
	for _, path := range mapping(root, "paths") {
		operations, _ := path.Value.(yaml.MapSlice)
		for i, member := range operations {
			name, _ := member.Key.(string)
			operation, ok := member.Value.(yaml.MapSlice)
			if name == "parameters" || !ok {
				continue
			}
			address, _ := path.Key.(string)
			operations[i].Value = complete(name, address, operation)
			document.Operations = append(document.Operations, listed(strings.ToUpper(name), address, operation))
		}
	}
	var err error
	if document.JSON, err = yaml.MarshalWithOptions(root, yaml.JSON()); err != nil {
		return nil, fmt.Errorf("write the document as JSON: %w", err)
	}
	return document, nil
})

// common are the responses that every operation can give; what an operation says itself stays.
var common = []struct{ status, response string }{
	{"400", "BadRequest"},
	{"401", "Unauthorized"},
	{"403", "Forbidden"},
	{"421", "UnknownHost"},
	{"429", "TooManyRequests"},
	{"500", "Internal"},
	{"503", "Unavailable"},
	{tooLarge, "TooLarge"},
}

// tooLarge is given by every operation that reads a body, which is every one but GET. AuthZEN has 400 for it.
const tooLarge = "413"

// complete adds the common responses to an operation, and says in words which permission it needs.
func complete(method, path string, operation yaml.MapSlice) yaml.MapSlice {
	responses := mapping(operation, "responses")
	for _, c := range common {
		if value(responses, c.status) != nil ||
			c.status == tooLarge && (method == "get" || strings.HasPrefix(path, "/access/v1/")) {
			continue
		}
		response := c.response
		switch {
		case strings.HasPrefix(path, "/access/v1/"):
			response = "AuthZENError"
		case strings.HasPrefix(path, "/v1/"):
			response = "OTLPError"
		}
		reference := yaml.MapSlice{{Key: "$ref", Value: "#/components/responses/" + response}}
		responses = append(responses, yaml.MapItem{Key: c.status, Value: reference})
	}
	completed := yaml.MapSlice{}
	for _, item := range operation {
		if item.Key == "responses" {
			item.Value = responses
		}
		if item.Key != "description" {
			completed = append(completed, item)
		}
	}
	description := "Needs " + text(operation, "x-permission") + "."
	if own := text(operation, "description"); own != "" {
		description = own + "\n\n" + description
	}
	return append(completed, yaml.MapItem{Key: "description", Value: description})
}

func listed(method, path string, operation yaml.MapSlice) Operation {
	tag := ""
	if tags, _ := value(operation, "tags").([]any); len(tags) > 0 {
		tag, _ = tags[0].(string)
	}
	return Operation{
		Tag: tag, Method: method, Path: path,
		Summary: text(operation, "summary"), Permission: text(operation, "x-permission"),
	}
}

func value(in yaml.MapSlice, key string) any {
	for _, item := range in {
		if item.Key == key {
			return item.Value
		}
	}
	return nil
}

func mapping(in yaml.MapSlice, key string) yaml.MapSlice {
	found, _ := value(in, key).(yaml.MapSlice)
	return found
}

func text(in yaml.MapSlice, key string) string {
	found, _ := value(in, key).(string)
	return found
}
