package models_test

import (
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows are the imports between rooms of models. A new one is a decision about the house: think of it before you add
// it, and it must make no circle.
var arrows = map[string][]string{
	"accessrequest": {
		"assignment", "audit", "catalogue", "database", "decision", "entitlement", "identity", "input", "money",
		"permission", "policy", "problem", "refusal",
	},
	"acknowledged": {},
	"adjustment": {
		"access", "audit", "database", "decision", "identity", "input", "ledger", "money", "permission", "problem",
	},
	"access": {
		"apikey", "batch", "caller", "catalogue", "database", "entitlement", "identity", "oidc", "permission", "policy",
		"problem", "secret", "virtualkey",
	},
	"account": {
		"assignment", "attachment", "audit", "database", "identity", "input", "money", "password", "permission",
		"problem", "report", "session",
	},
	"apikey": {"audit", "batch", "database", "identity", "input", "permission", "problem", "secret"},
	"assignment": {
		"audit", "database", "fieldgroup", "identity", "input", "money", "permission", "policy", "problem", "profile",
		"secret", "virtualkey", "window",
	},
	"archive":    {"audit", "database"},
	"attachment": {"assignment", "audit", "database", "identity", "input", "permission", "problem", "profile"},
	"audit":      {"database", "permission", "problem"},
	"backup":     {"audit", "database", "ledger"},
	"batch":      {"problem"},
	"blast":      {"catalogue", "database", "money", "policy"},
	"blocked":    {"database", "money", "policy"},
	"caller":     {"database", "identity", "oidc", "problem"},
	"catalogue":  {"audit", "database", "input", "money", "permission", "plural", "problem"},
	"configdoc": {
		"catalogue", "configfile", "connection", "identity", "identityprovider", "input", "mcptool", "permission",
		"policy", "problem", "profile", "setting",
	},
	"configset":  {"configdoc", "database"},
	"connection": {"audit", "database", "identity", "input", "permission", "problem", "secret"},
	"config": {
		"account", "assignment", "attachment", "catalogue", "configdoc", "configset", "connection", "database",
		"fieldgroup", "identity", "identityprovider", "input", "mcptool", "permission", "plural", "policy", "policycase",
		"problem", "profile", "propagation", "provision", "secret", "setting",
	},
	"configfile": {"input", "money"},
	"database":   {"input", "problem"},
	"decision": {
		"access", "assignment",
		"batch", "catalogue", "database", "entitlement", "identity", "input", "money", "plural", "policy", "problem",
		"refusal", "tally", "window",
	},
	"discovery":   {"catalogue", "database", "input", "mcptool", "outbound", "permission", "problem", "secret"},
	"entitlement": {"assignment", "catalogue", "database", "identity", "money", "policy", "window"},
	"fieldgroup":  {"database", "policy", "window"},
	"handout": {
		"addresses", "assignment", "attachment", "audit", "database", "identity", "input", "permission", "problem", "profile", "secret",
		"virtualkey",
	},
	"handover": {
		"attachment", "audit", "connection", "database", "identity", "input", "membership", "permission", "problem",
		"provision", "scim", "session",
	},
	"importer": {"catalogue", "configfile", "input"},
	"identity": {"audit", "database", "input", "password", "permission", "plural", "problem"},
	"identityprovider": {
		"audit", "database", "identity", "input", "oidc", "permission", "plural", "problem", "secret",
	},
	"input":      {"money", "problem"},
	"keptevent":  {"catalogue", "database", "input", "money"},
	"ledger":     {"archive", "audit", "database", "policy", "problem"},
	"mcptool":    {"audit", "catalogue", "database", "input", "permission", "problem", "secret"},
	"membership": {"audit", "database", "permission"},
	"metrics":    {},
	"money":      {"plural"},
	"oidc":       {"outbound"},
	"outbound":   {},
	"permission": {},
	"pgserver":   {},
	"addresses":  {},
	"plural":     {},
	"policy":     {"catalogue", "database", "input", "mcptool", "money", "plural", "problem", "window"},
	"policycase": {
		"assignment", "catalogue", "configdoc", "decision", "entitlement", "input", "permission", "policy", "problem",
		"profile",
	},
	"problem": {},
	"profile": {
		"audit", "database", "fieldgroup", "input", "mcptool", "permission", "plural", "policy", "problem", "window",
	},
	"propagation": {
		"addresses", "assignment", "audit", "catalogue", "database", "fieldgroup", "identity", "input", "money", "permission", "policy",
		"problem", "profile", "secret", "window",
	},
	"password": {"input", "plural", "problem"},
	"provision": {
		"account", "attachment", "audit", "connection", "database", "identity", "input", "membership", "permission",
		"problem", "scim", "scimquery",
	},
	"purge": {"account", "connection", "database", "membership"},
	"quarantine": {
		"audit", "database", "decision", "identity", "input", "keptevent", "money", "permission", "problem",
		"usage",
	},
	"quota":   {"assignment", "database", "money", "policy", "virtualkey"},
	"refusal": {"database", "money"},
	"replica": {"database"},
	"report":  {"database", "money", "policy", "problem", "profile", "tally", "window"},
	"sample": {
		"access", "account", "assignment", "attachment", "catalogue", "database", "entitlement", "identity", "input",
		"mcptool", "money", "password", "permission", "policy", "problem", "profile", "propagation", "secret",
		"session", "usage", "virtualkey", "window",
	},
	"schema":    {"input", "problem"},
	"scim":      {"input", "money", "problem"},
	"scimquery": {"database", "input", "problem", "scim"},
	"search":    {"blocked", "catalogue", "database", "input", "permission", "policy", "secret", "virtualkey"},
	"secret":    {},
	"session":   {"audit", "batch", "database", "identity", "input", "password", "permission", "problem", "secret"},
	"setting":   {"audit", "database", "identity", "input", "permission", "problem"},
	"spool":     {"batch"},
	"tally":     {"database"},
	"totals":    {"database"},
	"signin": {
		"account", "audit", "database", "identity", "identityprovider", "input", "oidc", "permission", "problem",
		"secret", "session",
	},
	"usage": {
		"access", "acknowledged", "batch", "catalogue", "database", "decision", "entitlement", "identity", "input", "keptevent",
		"ledger", "money", "policy", "problem", "secret", "spool", "tally", "virtualkey", "window",
	},
	"virtualkey": {"audit", "database", "identity", "input", "money", "permission", "problem", "secret"},
	"window":     {},
}

// viewArrows are those between rooms of views; the pages in views itself may use any of them.
var viewArrows = map[string][]string{
	"editor":       {"history", "policytext", "ui"},
	"handout":      {"policytext", "ui"},
	"history":      {"policytext", "ui"},
	"inventory":    {"ui"},
	"policytext":   {"ui"},
	"provisioning": {"ui"},
	"requests":     {"policytext", "ui"},
	"signin":       {"ui"},
	"traffic":      {"policytext", "ui"},
	"ui":           {},
}

// Every import between rooms is an arrow that is named here, and every arrow is used.
func TestRooms(t *testing.T) {
	checkRooms(t, ".", "tollgate/models", arrows)
	checkRooms(t, "../views", "tollgate/views", viewArrows)
}

func checkRooms(t *testing.T, dir, pkg string, arrows map[string][]string) {
	t.Helper()
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, folder := range folders {
		name := folder.Name()
		if !folder.IsDir() || name == "migrations" || strings.HasSuffix(name, "test") {
			continue
		}
		found[name] = importsOf(t, filepath.Join(dir, name), pkg)
		if _, err := os.Stat(filepath.Join(dir, name, "doc.go")); err != nil {
			t.Errorf("the room %s has no doc.go: %v", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Equal(found[name], arrows[name]) {
			t.Errorf("%s imports %v, want %v", name, found[name], arrows[name])
		}
	}
	if len(found) != len(arrows) {
		t.Errorf("there are %d rooms in %s, and arrows of %d", len(found), pkg, len(arrows))
	}
}

// importsOf are the rooms of pkg that the files of a room import, tests apart; pkg itself is ".".
func importsOf(t *testing.T, room, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(room, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if path == pkg {
				rooms["."] = true
			}
			if name, ours := strings.CutPrefix(path, pkg+"/"); ours && name != "migrations" {
				rooms[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(rooms))
}
