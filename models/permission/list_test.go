package permission_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"tollgate/models/permission"
)

// Each constant is listed once, and each resource has every operation.
func TestAllPermissions(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "list.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared, want []permission.Permission
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok {
				declared = append(declared, permission.Permission(value.Value[1:len(value.Value)-1]))
			}
		}
		return true
	})
	for _, resource := range permission.Resources {
		for _, operation := range permission.Operations {
			want = append(want, permission.Permission(resource+":"+operation))
		}
	}
	if got := permission.AllPermissions(); !slices.Equal(got, want) || !slices.Equal(declared, want) {
		t.Errorf("listed %v, declared %v", got, declared)
	}
}
