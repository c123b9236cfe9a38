package importer

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

func bifrostWithout(file string, content []byte) (Result, error) {
	return Bifrost(file, content, BifrostOptions{})
}

func read(t *testing.T, file string, by func(string, []byte) (Result, error)) (Result, string) {
	t.Helper()
	content, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	result, err := by(file, content)
	if err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	for _, name := range slices.Sorted(maps.Keys(result.Files("imported"))) {
		written.WriteString("# " + name + "\n" + string(result.Files("imported")[name]))
	}
	for _, secret := range []string{"hunter", "do-not-print", "ghp_secret", "sk-1234", "sk-bf-secret"} {
		for _, note := range result.Notes {
			if strings.Contains(note.String(), secret) {
				t.Errorf("a secret is reported: %s", note)
			}
		}
		if strings.Contains(written.String(), secret) {
			t.Errorf("a secret is written: %s", secret)
		}
	}
	return result, written.String()
}

// noted are the notes of a class: where and which field.
func noted(r Result, class Class) string {
	var all []string
	for _, note := range r.Notes {
		if note.Class == class {
			all = append(all, note.At[strings.IndexByte(note.At, ':')+1:]+" "+note.Field)
		}
	}
	return strings.Join(all, "\n")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got = strings.TrimSpace(got); got != strings.TrimSpace(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

// The documents and what needs a look, of a file in the shape of each gateway.
func TestImportedFiles(t *testing.T) {
	for file, by := range map[string]func(string, []byte) (Result, error){"litellm.yaml": LiteLLM, "bifrost.json": bifrostWithout} {
		r, written := read(t, file, by)
		for _, class := range []Class{Lost, Changed, Secret} {
			written += "# " + string(class) + "\n" + noted(r, class) + "\n"
		}
		want, err := os.ReadFile("testdata/" + file + ".want")
		if err != nil {
			t.Fatal(err)
		}
		same(t, file, written, string(want))
	}
}

// Every field of a file ends in a class, itself or within one that does.
func TestEveryFieldIsNoted(t *testing.T) {
	for file, by := range map[string]func(string, []byte) (Result, error){"litellm.yaml": LiteLLM, "bifrost.json": bifrostWithout} {
		r, _ := read(t, file, by)
		content, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		root, err := configfile.ParseForeign(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range leaves(root, "") {
			if !slices.ContainsFunc(r.Notes, func(n Note) bool {
				return n.Field == path || strings.HasPrefix(path, n.Field+".") || strings.HasPrefix(path, n.Field+"[")
			}) {
				t.Errorf("%s: nothing is said about %s", file, path)
			}
		}
		if encoded, err := json.Marshal(r.Notes); err != nil || !strings.Contains(string(encoded), `"class":"LOST"`) {
			t.Errorf("%v: %s", err, encoded)
		}
	}
}

// leaves are the paths of all values that hold no others.
func leaves(n configfile.Node, path string) (all []string) {
	for _, m := range n.Members {
		all = append(all, leaves(m.Node, join(path, m.Name))...)
	}
	for i, item := range n.Items {
		all = append(all, leaves(item, input.Index(path, i))...)
	}
	if len(n.Members)+len(n.Items) == 0 {
		all = append(all, path)
	}
	return all
}

// Files that are no configuration, and hostile ones, are refused without taking long.
func TestUnreadableFiles(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		name, before := string(rune('b'+i)), string(rune('a'+i))
		bomb += name + ": &" + name + " [" + strings.TrimSuffix(strings.Repeat("*"+before+",", 10), ",") + "]\n"
	}
	for what, content := range map[string]string{
		"no YAML": "a: [", "a tab": "a:\n\tb: 1", "an alias bomb": bomb, "itself": "a: &a [*a]", "deep": strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if r, err := LiteLLM("file", []byte(content)); err == nil {
			t.Errorf("%s is read: %v", what, r)
		}
	}
	for content, looks := range map[string]string{
		"": "an empty file", "# no more\n": "an empty file", "null": "an empty file", "[1]": "a list", "model,price\ngpt-5,1\n": "a text",
		"kind: provider\nname: x\n": "documents of Tollgate", `{"governance": {}}`: "a file of Bifrost: use tollgate import bifrost", "a: 1\nb: 2\n": "a file with a, b",
	} {
		if r, err := LiteLLM("x.yaml", []byte(content)); err == nil || !strings.Contains(err.Error(), "x.yaml is no file of LiteLLM") || !strings.Contains(err.Error(), "looks like "+looks) {
			t.Errorf("%q: %v %v", content, r, err)
		}
	}
	for _, by := range []func(string, []byte) error{
		func(file string, content []byte) error { _, err := bifrostWithout(file, content); return err },
		func(file string, content []byte) error { _, err := BifrostKeys(file, content); return err },
	} {
		if err := by("x.yaml", []byte("model_list: []\n")); err == nil || !strings.Contains(err.Error(), "a file of LiteLLM: use tollgate import litellm") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Bifrost("file", []byte(`{"providers": []}`), BifrostOptions{}); err != nil {
		t.Error(err)
	}
}

// A user is written for each key that can be adopted, each with an address of their own, and no value.
func TestHoldersOfBifrostKeys(t *testing.T) {
	const value = "sk-bf-secret-0d4b7c1e-93fa-4f0e-8a52"
	file := `{"governance": {"virtual_keys": [
		{"name": "R&D team", "value": "` + value + `"}, {"name": "r d: TEAM", "value": "env.RD"}, {"name": "日本", "value": "` + value + `2"},
		{"name": "Off", "value": "` + value + `3", "is_active": false}, {"name": "None"}, {"name": "Empty", "value": ""}]}}`
	r, err := Bifrost("config.json", []byte(file), BifrostOptions{Holders: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "users", string(r.Files("x")["users.yaml"]), "kind: user\nemail: \"r-d-team@bifrost.invalid\"\nname: \"R&D team\"\naccess_profiles: [\"R&D team\"]\n---\n"+
		"kind: user\nemail: \"r-d-team-2@bifrost.invalid\"\nname: \"r d: TEAM\"\naccess_profiles: [\"r d: TEAM\"]\n---\n"+
		"kind: user\nemail: \"key@bifrost.invalid\"\nname: \"日本\"\naccess_profiles: [\"日本\"]\n")
	keys, err := BifrostKeys("config.json", []byte(file))
	if err != nil || len(keys) != 4 || keys[1].Value != "env.RD" || !keys[3].Inactive || keys[0].Place.String() != "config.json:2:24" {
		t.Errorf("%v %v", keys, err)
	}
	for _, note := range r.Notes {
		if strings.Contains(note.String(), "secret-") || strings.Contains(note.String(), "env.RD") {
			t.Errorf("a value is reported: %s", note)
		}
	}
}

// Budgets of teams and customers are shared out among their keys, and each note says what that means. Of two budgets
// with one window the lower one is kept.
func TestSharedBudgetsOfBifrost(t *testing.T) {
	file := `{"governance": {"virtual_keys": [
  {"id": "a", "name": "A", "team_id": "t", "budget_id": "own"}, {"id": "b", "name": "B", "team_id": "t"}, {"id": "c", "name": "C", "customer_id": "c"}],
 "budgets": [{"id": "own", "max_limit": 5, "reset_duration": "1M"}, {"id": "bt", "max_limit": 100, "reset_duration": "1M"},
  {"id": "bc", "customer_id": "c", "max_limit": 10, "reset_duration": "1d"}],
 "teams": [{"id": "t", "name": "Red", "budget_id": "bt", "customer_id": "c", "rate_limit_id": "r"}, {"id": "u", "name": "Blue", "budget_id": "bt"}],
 "customers": [{"id": "c", "name": "Acme"}]}}`
	for share, want := range map[TeamBudget]struct{ budgets, notes string }{
		EachTeamBudget: {
			"A {max_limit: 5, reset_duration: 1M} {max_limit: 10, reset_duration: 1d}\nB {max_limit: 100, reset_duration: 1M} {max_limit: 10, reset_duration: 1d}\n" +
				"C {max_limit: 10, reset_duration: 1d}",
			"of Red, each of the 2 keys gets it: together they can spend 2 times as much\nof Acme, each of the 3 keys gets it: together they can spend 3 times as much",
		},
		DivideTeamBudget: {
			"A {max_limit: 5, reset_duration: 1M} {max_limit: 3.333333333, reset_duration: 1d}\n" +
				"B {max_limit: 50, reset_duration: 1M} {max_limit: 3.333333333, reset_duration: 1d}\nC {max_limit: 3.333333333, reset_duration: 1d}",
			"of Red, each of the 2 keys gets 50 of it, also those who need less\nof Acme, each of the 3 keys gets 3.333333333 of it, also those who need less",
		},
	} {
		r, err := Bifrost("config.json", []byte(file), BifrostOptions{Share: share})
		if err != nil {
			t.Fatal(err)
		}
		var budgets, notes strings.Builder
		for _, profile := range r.Profiles {
			name, _ := profile.Get("name")
			rows, _ := profile.Get("budgets")
			budgets.WriteString(name.Text)
			for _, row := range rows.Items {
				budgets.WriteString(" " + configfile.Row(row))
			}
			budgets.WriteByte('\n')
		}
		for _, note := range r.Notes {
			if note.Class == Changed && strings.Contains(note.Field, ".budgets[") {
				notes.WriteString(note.Message + "\n")
			}
		}
		same(t, string(share), budgets.String(), want.budgets)
		same(t, string(share)+" says", notes.String(), want.notes)
		same(t, "lost", noted(r, Lost), "5:12 governance.teams[0].rate_limit_id\n5:101 governance.teams[1]")
	}
}

// A price is carried when it is whole, from either place; zero is a price. What is not whole is lost, with its place, and
// no half of it is taken for free.
func TestPricesOfLiteLLM(t *testing.T) {
	file := `model_list:
  - {model_name: none, litellm_params: {model: openai/none}, model_info: {base_model: openai/gpt-5}}
  - {model_name: half, litellm_params: {model: openai/half, output_cost_per_token: 0.000001}}
  - {model_name: split, litellm_params: {model: openai/split, input_cost_per_token: 0.000001}, model_info: {input_cost_per_token: 5, output_cost_per_token: 0.000002}}
  - {model_name: free, litellm_params: {model: openai/free, input_cost_per_token: 0, output_cost_per_token: 0.0}}
  - {model_name: twice, litellm_params: {model: openai/twice}}
  - {model_name: twice, litellm_params: {model: openai/twice}, model_info: {input_cost_per_token: 0.000001, output_cost_per_token: 0.000001}}
  - {model_name: text, litellm_params: {model: openai/text, input_cost_per_token: "free", output_cost_per_token: 0.000001}}
`
	r, err := LiteLLM("config.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "provider", string(r.Files("x")["providers.yaml"]), "kind: provider\nname: openai\nmodels: [none, half, split, free, twice, text]\nprices:\n"+
		"  - {model: split, input_cost_per_million_tokens: 1, output_cost_per_million_tokens: 2}\n"+
		"  - {model: free, input_cost_per_million_tokens: 0, output_cost_per_million_tokens: 0}\n"+
		"  - {model: twice, input_cost_per_million_tokens: 1, output_cost_per_million_tokens: 1}\n")
	same(t, "lost", noted(r, Lost), "2:5 model_list[0]\n3:5 model_list[1]\n3:84 model_list[1].litellm_params.output_cost_per_token\n"+
		"8:5 model_list[6]\n8:83 model_list[6].litellm_params.input_cost_per_token\n8:114 model_list[6].litellm_params.output_cost_per_token")
	if at := slices.IndexFunc(r.Notes, func(n Note) bool { return n.Class == Lost }); !strings.Contains(r.Notes[at].Message, "LiteLLM takes the price from its own list") {
		t.Errorf("it says %q", r.Notes[at].Message)
	}
}

// Bifrost has prices in lists of its own, which no file has: they are lost, and so are overrides of them.
func TestPricesOfBifrost(t *testing.T) {
	r, err := Bifrost("config.json", []byte(`{"providers": {"openai": {"keys": [{"models": ["gpt-5"]}],
 "pricing_overrides": [{"model_pattern": "gpt-5", "match_type": "exact", "input_cost_per_token": 0.000001}]}},
 "governance": {"pricing_overrides": [{"pattern": "gpt-5", "match_type": "exact"}],
  "virtual_keys": [{"name": "A", "provider_configs": [{"provider": "openai", "allowed_models": ["gpt-5"]}, {"provider": "groq", "allowed_models": ["*"]}]}]}}`), BifrostOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "lost", noted(r, Lost), "1:16 providers.openai\n2:23 providers.openai.pricing_overrides\n3:38 governance.pricing_overrides\n"+
		"4:121 governance.virtual_keys[0].provider_configs[1].provider")
}

// A provider has its usual name, in front of a model and by itself, since usage of it counts under that name.
func TestUsualNamesOfProviders(t *testing.T) {
	r, err := LiteLLM("config.yaml", []byte(`model_list:
  - {model_name: one, litellm_params: {model: together_ai/one}}
  - {model_name: two, litellm_params: {model: two, custom_llm_provider: together_ai}}
  - {model_name: three, litellm_params: {model: other/three}}
`))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "providers", string(r.Files("x")["providers.yaml"]),
		"kind: provider\nname: together\nmodels: [one, two]\n---\nkind: provider\nname: other\nmodels: [three]\n")
}
