package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/handlers/openapi"
)

// pageCodes are the errors that only pages and proxies answer with.
var pageCodes = []string{
	"already_connected", "ambiguous_path", "in_the_future", "invalid_form", "invalid_op", "last_method", "link_outdated",
	"partial_body", "too_many_fields", "wrong_password",
}

// apart have errors of their own: those of SCIM and AuthZEN, of files, and of sign-in.
var apart = []string{"models/scim", "models/scimquery", "models/provision", "models/configfile", "handlers/directory", "models/signin/service.go", "handlers/gateway/authzen.go"}

// Every error that the API may answer with is in its description, also those that no test provokes.
func TestErrorCodesAreDocumented(t *testing.T) {
	loaded, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	document := string(loaded.JSON)
	for code, place := range codesInSource(t) {
		if !strings.Contains(document, `"`+code+`"`) && !slices.Contains(pageCodes, code) {
			t.Errorf("%s: the error code %s is not documented", place, code)
		}
	}
}

// codesInSource finds the codes given to the functions that make errors, with a place of each.
func codesInSource(t *testing.T) map[string]string {
	t.Helper()
	found, files := map[string]string{}, token.NewFileSet()
	for _, root := range []string{"../handlers", "../models"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			of := func(name string) bool { return strings.HasPrefix(path, "../"+name) }
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || slices.ContainsFunc(apart, of) {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if code, ok := codeOf(n); ok {
					found[code] = files.Position(n.Pos()).String()
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 100 {
		t.Fatalf("only %d codes were found", len(found))
	}
	return found
}

// codeOf is the code of a call such as Refuse(reason, field, code, message) or c.Add(field, code, message).
func codeOf(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) < 3 {
		return "", false
	}
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	if !slices.Contains([]string{"Refuse", "refuse", "Add", "Unreadable"}, name) {
		return "", false
	}
	literal, ok := call.Args[len(call.Args)-2].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	code, err := strconv.Unquote(literal.Value)
	return code, err == nil && code != ""
}
