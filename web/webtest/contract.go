package webtest

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

	"tollgate/handlers/openapi"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// OpenAPI holds answers, and the requests that were accepted, against the OpenAPI document.
type OpenAPI struct {
	Document map[string]any
	Compiler *jsonschema.Compiler
	Paths    []DocumentedPath // those with more letters of their own first

	Mutex   sync.Mutex
	Schemas map[string]*jsonschema.Schema // by their JSON pointer
}

// DocumentedPath is a path of the document, and what it matches.
type DocumentedPath struct {
	Path    string
	Pattern *regexp.Regexp
}

// DocumentURL is the name under which schemas refer to the document.
const DocumentURL = "https://tollgate.example/openapi.json"

// LoadContract reads the OpenAPI document once.
var LoadContract = sync.OnceValues(func() (*OpenAPI, error) {
	loaded, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(loaded.JSON))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	c := &OpenAPI{Compiler: jsonschema.NewCompiler(), Schemas: map[string]*jsonschema.Schema{}}
	c.Document, _ = value.(map[string]any)
	c.Compiler.DefaultDraft(jsonschema.Draft2020)
	c.Compiler.AssertFormat()
	if err := c.Compiler.AddResource(DocumentURL, value); err != nil {
		return nil, fmt.Errorf("add the OpenAPI document: %w", err)
	}
	parameter := regexp.MustCompile(`\\\{(\w+)\\\}`)
	paths, _ := c.Document["paths"].(map[string]any)
	for path := range paths {
		segment := "[^/]+"
		if strings.HasPrefix(path, "/api/reservations/") {
			segment = ".+" // an id may hold slashes
		}
		pattern := parameter.ReplaceAllString(regexp.QuoteMeta(path), segment)
		c.Paths = append(c.Paths, DocumentedPath{path, regexp.MustCompile("^" + pattern + "$")})
	}
	slices.SortFunc(c.Paths, func(a, b DocumentedPath) int {
		if by := strings.Count(a.Path, "{") - strings.Count(b.Path, "{"); by != 0 {
			return by
		}
		return strings.Compare(a.Path, b.Path)
	})
	return c, nil
})

// HugeExponent matches numbers that the library for schemas cannot hold.
var HugeExponent = regexp.MustCompile(`[0-9][eE][+-]?[0-9]{3}`)

// LargestChecked bounds the bodies that are checked, so that tests with large ones stay quick.
const LargestChecked = 64 << 10

// CheckContract says how an answer, or an accepted request, differs from the OpenAPI document; nil when it does not, or
// when the path is not one of the API.
func CheckContract(request *http.Request, sent []byte, response *http.Response, content []byte) error {
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") || len(content) > LargestChecked ||
		response.StatusCode == http.StatusMethodNotAllowed {
		return nil
	}
	c, err := LoadContract()
	if err != nil {
		return err
	}
	path, ok := c.Find(Canonical(request.URL.Path))
	if !ok {
		return nil
	}
	operation := strings.ToLower(request.Method)
	if _, ok := c.At("paths", path, operation).(map[string]any); !ok {
		return nil // such as HEAD
	}
	status := strconv.Itoa(response.StatusCode)
	if err := c.Check(content, "paths", path, operation, "responses", status); err != nil {
		return fmt.Errorf("the answer %s of %s %s is not the documented one: %w", status, request.Method, path, err)
	}
	if _, promised := c.At("paths", path, operation, "responses", status, "headers", "Location").(map[string]any); promised !=
		(response.Header.Get("Location") != "") {
		return fmt.Errorf("the answer %s of %s %s has the Location %q, and the document says otherwise",
			status, request.Method, path, response.Header.Get("Location"))
	}
	media := request.Header.Get("Content-Type")
	if response.StatusCode >= 300 || len(sent) == 0 || string(sent) == "{}" || media != "" && media != "application/json" {
		return nil
	}
	if err := c.Check(sent, "paths", path, operation, "requestBody"); err != nil {
		return fmt.Errorf("the accepted request %s %s is not the documented one: %w", request.Method, path, err)
	}
	return nil
}

// Canonical is the path that the document has for the aliases of a route.
func Canonical(path string) string {
	rest, ok := strings.CutPrefix(path, "/api/governance/")
	if !ok {
		return path
	}
	if inRBAC, ok := strings.CutPrefix(rest, "rbac/"); ok && !strings.HasPrefix(inRBAC, "api-keys") {
		rest = inRBAC
	}
	return "/api/" + rest
}

// Find is the documented path that an address matches.
func (c *OpenAPI) Find(path string) (string, bool) {
	for _, p := range c.Paths {
		if p.Pattern.MatchString(path) {
			return p.Path, true
		}
	}
	return "", false
}

// At is what stands at a place of the document; references on the way are followed.
func (c *OpenAPI) At(place ...string) any {
	_, value := c.Resolve(place)
	return value
}

// Resolve finds a place, and its JSON pointer once references are followed.
func (c *OpenAPI) Resolve(place []string) (pointer string, value any) {
	value = c.Document
	for _, name := range place {
		members, _ := value.(map[string]any)
		value = members[name]
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		members, _ = value.(map[string]any)
		if reference, ok := members["$ref"].(string); ok {
			pointer = strings.TrimPrefix(reference, "#")
			value = c.At(strings.Split(strings.TrimPrefix(pointer, "/"), "/")...)
		}
	}
	return pointer, value
}

// Check holds a JSON body against the schema of a response or request body.
func (c *OpenAPI) Check(body []byte, place ...string) error {
	pointer, value := c.Resolve(place)
	if value == nil {
		return errors.New("it is not in the document")
	}
	if HugeExponent.Match(body) {
		return nil
	}
	schema, err := c.Schema(pointer + "/content/application~1json/schema")
	if err != nil {
		return err
	}
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return schema.Validate(content)
}

// Schema is the compiled schema at a JSON pointer.
func (c *OpenAPI) Schema(pointer string) (*jsonschema.Schema, error) {
	c.Mutex.Lock()
	defer c.Mutex.Unlock()
	if schema, ok := c.Schemas[pointer]; ok {
		return schema, nil
	}
	schema, err := c.Compiler.Compile(DocumentURL + "#" + pointer)
	if err != nil {
		return nil, fmt.Errorf("compile the schema at %s: %w", pointer, err)
	}
	c.Schemas[pointer] = schema
	return schema, nil
}
