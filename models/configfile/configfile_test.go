package configfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// A refusal names what is wrong and where it stands.
func TestRefusedFiles(t *testing.T) {
	bomb := "a: &a [x, x]\n"
	for letter := 'b'; letter < 'j'; letter++ {
		bomb += string(letter) + ": &" + string(letter) + " [*" + string(letter-1) + ", *" + string(letter-1) + "]\n"
	}
	for _, test := range []struct{ file, content, code, place string }{
		{"a.yaml", bomb, "anchor", "a.yaml:1:4"},
		{"a.yaml", "kind: provider\nname: *x\n", "", ""},
		{"a.yaml", "a: &x {b: 1}\nc: *x\n", "anchor", "a.yaml:1:4"},
		{"a.yaml", "kind: role\n<<: {name: x}\n", "merge_key", "a.yaml:2:1"},
		{"a.yaml", "kind: role\nname: !!binary aGk=\n", "tag", "a.yaml:2:7"},
		{"a.yaml", "name: !Ref x\n", "tag", "a.yaml:1:7"},
		{"a.yaml", "name: ! x\n", "tag", "a.yaml:1:7"},
		{"a.yaml", "kind: role\nname: a\nname: b\n", "duplicate_key", "a.yaml:3:1"},
		{"a.yaml", "kind: role\n'name': a\n\"name\": b\n", "duplicate_key", "a.yaml:3:1"},
		{"a.yaml", "a:\n\tb: 1\n", "tab", "a.yaml:2:1"},
		{"a.yaml", "kind: role\nname: \xff\n", "invalid_utf8", "a.yaml:2:7"},
		{"a.yaml", "kind: [\n", "invalid_yaml", ""},
		{"a.yaml", "? [a, b]\n: c\n", "invalid_key", "a.yaml:1:3"},
		{"a.yaml", "- kind: role\n", "expected_object", "a.yaml:1:1"},
		{"a.yaml", "just text\n", "expected_object", "a.yaml:1:1"},
		{"a.yaml", "a: " + strings.Repeat("[", 17) + strings.Repeat("]", 17) + "\n", "too_deep", "a.yaml:1:19"},
		{"a.json", `{"a": 1, "a": 2}`, "duplicate_key", "a.json:1:10"},
		{"a.json", "{\"a\":\n [1,]}", "invalid_json", ""},
		{"a.json", `{"a": "\ud800"}`, "invalid_unicode", "a.json"},
		{"a.json", `{"a": 1`, "invalid_json", ""},
		{"a.json", `[1]`, "expected_object", "a.json:1:2"},
	} {
		file := configfile.Parse(test.file, []byte(test.content))
		if len(file.Problems) == 0 {
			t.Errorf("%q is read as %v", test.content, file.Documents)
			continue
		}
		first := file.Problems[0]
		if test.code != "" && first.Code != test.code || test.place != "" && first.Place.String() != test.place {
			t.Errorf("%q: %s", test.content, first)
		}
	}
}

// What looks like another type in YAML is text, unless JSON has it too; a number keeps its literal.
func TestScalars(t *testing.T) {
	const content = "\ufeff# a comment\r\n---\r\n" +
		"texts: [yes, no, 012, 1_000, 2026-01-01, 1d, .5, 0x1f, +1, 1., NULL, True, \"null\", '1', =, .inf]\r\n" +
		"numbers: [1, -0.5, 5.0, 1e3, 0.10]\r\nothers: [true, false, null, ~]\r\nnothing:\r\nempty: ''\r\n---\r\n---\r\n"
	file := configfile.Parse("a.yaml", []byte(content))
	if len(file.Problems) > 0 || len(file.Documents) != 1 || !file.Comments {
		t.Fatalf("read %+v", file)
	}
	const want = `{"texts":["yes","no","012","1_000","2026-01-01","1d",".5","0x1f","+1","1.","NULL","True","null","1","=",".inf"],` +
		`"numbers":[1,-0.5,5.0,1e3,0.10],"others":[true,false,null,null],"nothing":null,"empty":""}`
	if got := string(file.Documents[0].AppendJSON(nil)); got != want {
		t.Errorf("read %s", got)
	}
}

// A path of the server is a place in the file: of the name in an object, of the item in a list.
func TestPlaces(t *testing.T) {
	document := configfile.Parse("a.yaml", []byte("kind: access_profile\nbudgets:\n  - {max_limit: 1, burst: 2}\ntags: [a, b]\n")).Documents[0]
	for path, want := range map[string]string{
		"budgets[0].burst": "a.yaml:3:20", "budgets[0].reset_duration": "a.yaml:3:5", "tags[1]": "a.yaml:4:11", "name": "a.yaml:1:1",
		"": "a.yaml:1:1", "budgets": "a.yaml:2:1", "tags[9]": "a.yaml:4:1",
	} {
		if got := document.Find(path).String(); got != want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
}

// Of a folder only its own plain files are read.
// A large file on one line is read in a time that grows with its size alone, and its places are those of the line.
func TestPlacesOnOneLine(t *testing.T) {
	tags := strings.Repeat(`"é",`, 200_000)
	begun := time.Now()
	file := configfile.Parse("a.json", []byte(`{"kind":"x","tags":[`+tags+`"last"]}`))
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("read in %v", took)
	}
	list, _ := file.Documents[0].Get("tags")
	if last := list.Items[len(list.Items)-1]; last.Text != "last" || last.Place.String() != "a.json:1:800021" {
		t.Errorf("%q is at %s", last.Text, last.Place)
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"b/two.yml": "kind: role\n", "one.yaml": "kind: set\n---\nkind: provider\n", "c.json": `[{"kind": "tests"}]`,
		".git/config.yaml": "kind: secret\n", ".hidden.yaml": "kind: secret\n", "note.txt": "kind: secret\n", "../secret.yaml": "kind: secret\n",
	} {
		path := filepath.Join(dir, "in", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret.yaml"), filepath.Join(dir, "in/link.yaml")); err != nil {
		t.Fatal(err)
	}
	files, err := configfile.Read([]string{filepath.Join(dir, "in"), "-"}, strings.NewReader(`{"kind": "settings"} {"kind": "user"}`))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, file := range files {
		for _, document := range file.Documents {
			kind, _ := document.Get("kind")
			kinds = append(kinds, kind.Text)
		}
	}
	if got := strings.Join(kinds, " "); got != "role tests set provider settings user" {
		t.Errorf("read %s", got)
	}
	if _, err := configfile.Read([]string{"-"}, strings.NewReader(strings.Repeat(" ", 9<<20))); err == nil {
		t.Error("9 MiB were read")
	}
}

func TestWrittenForm(t *testing.T) {
	const form = `kind: access_profile
name: Engineering
description: |-
  Everyone who writes code.

  Ask in #platform for more.
tags: [engineering, "yes", "1", "a: b"]
provider_configs:
  - provider_name: openai
    allowed_models: [gpt-5]
    budgets:
      - {max_limit: 20, reset_duration: 1d}
    rate_limit: {request_max_limit: 600, request_reset_duration: 1h}
  - {provider_name: groq, all_models_allowed: true}
mcp_tool_groups: [Read code]
note: "two lines \n with blanks\u0085\u2028\U000E0041"
`
	file := configfile.Parse("a.yaml", []byte(form))
	if len(file.Problems) > 0 {
		t.Fatal(file.Problems)
	}
	if got := string(configfile.YAML(file.Documents...)); strings.ReplaceAll(got, "\U000E0041", `\U000E0041`) != form {
		t.Errorf("written:\n%s", got)
	}
}

// What is written is read as the same by this reader and by the library.
func FuzzWrittenText(f *testing.F) {
	for _, s := range []string{
		"yes", "012", "1_000", "2026-01-01", "null", "a\u0085b", "a\u2028b", "\uffff", "a\tb", "a: b", "a #b", "#", "", " a", "a ", "a\nb", "a\n\nb\n", "\na",
		"- a", "? a", "a\vb\nc", "\x7f", "1e5", ".5", "~", "%a", "@a", "`a", "a\r\nb", "---", "...", "\"", "\\", "{", "a, b", "a]", "\u00a0", "<<", "=", "a:", "\U0001f600", " \n ", "-", "!a",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, s string) {
		if !utf8.ValidString(name) || !utf8.ValidString(s) {
			return
		}
		value := configfile.Node{Kind: input.String, Text: s}
		document := configfile.Node{Kind: input.Object, Members: []configfile.Member{
			{Name: "kind", Node: value},
			{Name: "k" + name, Node: value},
			{Name: "list", Node: configfile.Node{Kind: input.Array, Items: []configfile.Node{value, value, {Kind: input.Object, Members: []configfile.Member{{Name: "kind", Node: value}}}}}},
			{Name: "flat", Node: configfile.Node{Kind: input.Array, Items: []configfile.Node{value}}},
		}}
		written := configfile.YAML(document)
		file := configfile.Parse("a.yaml", written)
		if len(file.Problems) > 0 || len(file.Documents) != 1 {
			t.Fatalf("%q is written as\n%s\nand read with %v", s, written, file.Problems)
		}
		if got, want := string(file.Documents[0].AppendJSON(nil)), string(document.AppendJSON(nil)); got != want {
			t.Errorf("%q is written as\n%s\nand read as %s, want %s", s, written, got, want)
		}
		var other struct{ Kind string }
		if err := yaml.Unmarshal(written, &other); err != nil || other.Kind != s {
			t.Errorf("%q is written as\n%s\nand read by the library as %q: %v", s, written, other.Kind, err)
		}
	})
}
