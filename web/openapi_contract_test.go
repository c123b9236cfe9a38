package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tollgate/handlers/openapi"
)

// openAPI holds answers, and the requests that were accepted, against the OpenAPI document.
type openAPI struct {
	document map[string]any
	compiler *jsonschema.Compiler
	paths    []documentedPath // those with more letters of their own first

	mutex   sync.Mutex
	schemas map[string]*jsonschema.Schema // by their JSON pointer
}

type documentedPath struct {
	path    string
	pattern *regexp.Regexp
}

const documentURL = "https://tollgate.example/openapi.json"

var loadContract = sync.OnceValues(func() (*openAPI, error) {
	loaded, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(loaded.JSON))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	c := &openAPI{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.document, _ = value.(map[string]any)
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(documentURL, value); err != nil {
		return nil, fmt.Errorf("add the OpenAPI document: %w", err)
	}
	parameter := regexp.MustCompile(`\\\{(\w+)\\\}`)
	paths, _ := c.document["paths"].(map[string]any)
	for path := range paths {
		segment := "[^/]+"
		if strings.HasPrefix(path, "/api/reservations/") {
			segment = ".+" // an id may hold slashes
		}
		pattern := parameter.ReplaceAllString(regexp.QuoteMeta(path), segment)
		c.paths = append(c.paths, documentedPath{path, regexp.MustCompile("^" + pattern + "$")})
	}
	slices.SortFunc(c.paths, func(a, b documentedPath) int {
		if by := strings.Count(a.path, "{") - strings.Count(b.path, "{"); by != 0 {
			return by
		}
		return strings.Compare(a.path, b.path)
	})
	return c, nil
})

// hugeExponent matches numbers that the library for schemas cannot hold.
var hugeExponent = regexp.MustCompile(`[0-9][eE][+-]?[0-9]{3}`)

// largestChecked bounds the bodies that are checked, so that tests with large ones stay quick.
const largestChecked = 64 << 10

// checkContract says how an answer, or an accepted request, differs from the OpenAPI document; nil when it does not, or
// when the path is not one of the API.
func checkContract(request *http.Request, sent []byte, response *http.Response, content []byte) error {
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") || len(content) > largestChecked ||
		response.StatusCode == http.StatusMethodNotAllowed {
		return nil
	}
	c, err := loadContract()
	if err != nil {
		return err
	}
	path, ok := c.find(canonical(request.URL.Path))
	if !ok {
		return nil
	}
	operation := strings.ToLower(request.Method)
	if _, ok := c.at("paths", path, operation).(map[string]any); !ok {
		return nil // such as HEAD
	}
	status := strconv.Itoa(response.StatusCode)
	if err := c.check(content, "paths", path, operation, "responses", status); err != nil {
		return fmt.Errorf("the answer %s of %s %s is not the documented one: %w", status, request.Method, path, err)
	}
	if response.StatusCode >= 300 || len(sent) == 0 || string(sent) == "{}" {
		return nil
	}
	if err := c.check(sent, "paths", path, operation, "requestBody"); err != nil {
		return fmt.Errorf("the accepted request %s %s is not the documented one: %w", request.Method, path, err)
	}
	return nil
}

// canonical is the path that the document has for the aliases of a route.
func canonical(path string) string {
	rest, ok := strings.CutPrefix(path, "/api/governance/")
	if !ok {
		return path
	}
	if inRBAC, ok := strings.CutPrefix(rest, "rbac/"); ok && !strings.HasPrefix(inRBAC, "api-keys") {
		rest = inRBAC
	}
	return "/api/" + rest
}

func (c *openAPI) find(path string) (string, bool) {
	for _, p := range c.paths {
		if p.pattern.MatchString(path) {
			return p.path, true
		}
	}
	return "", false
}

// at is what stands at a place of the document; references on the way are followed.
func (c *openAPI) at(place ...string) any {
	_, value := c.resolve(place)
	return value
}

// resolve finds a place, and its JSON pointer once references are followed.
func (c *openAPI) resolve(place []string) (pointer string, value any) {
	value = c.document
	for _, name := range place {
		members, _ := value.(map[string]any)
		value = members[name]
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		members, _ = value.(map[string]any)
		if reference, ok := members["$ref"].(string); ok {
			pointer = strings.TrimPrefix(reference, "#")
			value = c.at(strings.Split(strings.TrimPrefix(pointer, "/"), "/")...)
		}
	}
	return pointer, value
}

// check holds a JSON body against the schema of a response or request body.
func (c *openAPI) check(body []byte, place ...string) error {
	pointer, value := c.resolve(place)
	if value == nil {
		return errors.New("it is not in the document")
	}
	if hugeExponent.Match(body) {
		return nil
	}
	schema, err := c.schema(pointer + "/content/application~1json/schema")
	if err != nil {
		return err
	}
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return schema.Validate(content)
}

func (c *openAPI) schema(pointer string) (*jsonschema.Schema, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if schema, ok := c.schemas[pointer]; ok {
		return schema, nil
	}
	schema, err := c.compiler.Compile(documentURL + "#" + pointer)
	if err != nil {
		return nil, fmt.Errorf("compile the schema at %s: %w", pointer, err)
	}
	c.schemas[pointer] = schema
	return schema, nil
}
