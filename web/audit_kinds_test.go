package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/handlers/openapi"
	"tollgate/models/audit"
	"tollgate/web/webtest"
)

// The audit log can be filtered by every kind of thing that rows are written about, in the API and on the page, where
// each has a name.
func TestAuditIsFilteredByEveryKind(t *testing.T) {
	written := writtenKinds(t)
	for kind, place := range written {
		if !slices.Contains(audit.Resources, kind) {
			t.Errorf("%s: the audit log cannot be filtered by %s", place, kind)
		}
	}
	if len(written) < 15 {
		t.Fatalf("only %d kinds were found", len(written))
	}
	loaded, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := webtest.NewStage(t)
	labels := map[string]string{}
	for option := range s.Session.Get("/audit").Is(200).One("select", "name", "resource").Descendants() {
		if option.Data == "option" {
			labels[webtest.Attribute(option, "value")] = webtest.Text(option)
		}
	}
	for _, kind := range audit.Resources {
		s.Admin.Get("/api/access-profiles/audit-logs?resource=" + kind).Is(200)
		if labels[kind] == "" {
			t.Errorf("the page has no name for %s", kind)
		}
		if !strings.Contains(string(loaded.JSON), `"`+kind+`"`) {
			t.Errorf("%s is not documented", kind)
		}
	}
}

// writtenKinds are the kinds that audit rows name as their resource in the source, with a place of each. The room audit
// itself is told them by the others.
func writtenKinds(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	rooms, err := os.ReadDir("../models")
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if room.Name() == "audit" || !room.IsDir() {
			continue
		}
		files := token.NewFileSet()
		source := parsed(t, files, filepath.Join("../models", room.Name()))
		constants := constantsOf(source)
		for _, file := range source {
			ast.Inspect(file, func(n ast.Node) bool {
				if value := kindOf(n); value != nil {
					place := files.Position(n.Pos()).String()
					kind := textOf(value, constants)
					if kind == "" {
						t.Errorf("%s: name the kind by a text or by a constant of the package", place)
					}
					found[kind] = place
				}
				return true
			})
		}
	}
	return found
}

// parsed are the files of a package without its tests.
func parsed(t *testing.T, files *token.FileSet, directory string) (all []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, file)
	}
	return all
}

// kindOf is the kind in a call of RecordResource, or in a document with a member resource; nil for other nodes.
func kindOf(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		if selected, ok := n.Fun.(*ast.SelectorExpr); ok && selected.Sel.Name == "RecordResource" && len(n.Args) == 8 {
			return n.Args[4]
		}
	case *ast.KeyValueExpr:
		if literal, ok := n.Key.(*ast.BasicLit); ok && literal.Value == `"resource"` {
			return n.Value
		}
	}
	return nil
}

// constantsOf are the texts among the constants of a package.
func constantsOf(files []*ast.File) map[string]string {
	texts := map[string]string{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if declared, ok := n.(*ast.ValueSpec); ok && len(declared.Values) == len(declared.Names) {
				for i, name := range declared.Names {
					texts[name.Name] = textOf(declared.Values[i], nil)
				}
			}
			return true
		})
	}
	return texts
}

// textOf is a text in quotes or a constant, "" for other values.
func textOf(value ast.Expr, constants map[string]string) (text string) {
	switch value := value.(type) {
	case *ast.Ident:
		return constants[value.Name]
	case *ast.BasicLit:
		text, _ = strconv.Unquote(value.Value)
	}
	return text
}
