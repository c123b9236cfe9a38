package main

import "strings"

// adoptions take nothing from what belongs to no set: a pull writes it into the files, or it is removed on demand.
func adoptions(r repository) {
	r.t.Helper()
	price := func(model string) string {
		return `{"model": "` + model + `", "input_cost_per_million_tokens": 10, "output_cost_per_million_tokens": 20}`
	}
	r.api("POST", "/api/providers", `{"name": "initech", "models": ["big", "small"], "prices": [`+price("big")+`, `+price("small")+`]}`)
	r.write("bifrost.json", `{"governance": {"virtual_keys": [
{"name": "Small bot", "value": "env.BOT_KEY", "provider_configs": [{"provider": "initech", "allowed_models": ["small", "tiny"]}]}]}}`)
	r.ends(2, "import bifrost DIR/bifrost.json -o DIR/keys --adopt-keys")
	imported := r.text("keys/providers.yaml")

	r.ends(3, "apply -f DIR/keys --yes", "providers.yaml:1:1: initech belongs to no set, and this document leaves out what it has in the console (models, prices[big], prices[small]).")
	r.ends(0, "pull -f DIR/keys", "providers.yaml:1:1: initech")
	want := "kind: provider\nname: initech\nmodels: [big, small, tiny]\nprices:\n" +
		"  - {model: big, input_cost_per_million_tokens: 10, output_cost_per_million_tokens: 20}\n" +
		"  - {model: small, input_cost_per_million_tokens: 10, output_cost_per_million_tokens: 20}\n"
	if got := r.text("keys/providers.yaml"); got != want {
		r.t.Errorf("pulled:\n%s\nwant\n%s", got, want)
	}
	r.ends(0, "pull -f DIR/keys")
	r.ends(0, "plan -f DIR/keys", "~ provider initech   (belonged to no set)\n    ~ models: [big, small] -> [big, small, tiny]\n+ access_profile")
	r.write("keys/providers.yaml", imported)
	r.ends(0, "apply -f DIR/keys --on-drift revert --yes", "~ models: [big, small] -> [small, tiny]", "- prices[big]")
	if got := r.ends(0, "export --set bifrost"); !strings.Contains(got, "\nmodels: [small, tiny]\n") {
		r.t.Errorf("exported:\n%s", got)
	}
}

// releases let a resource leave a set for another; nothing is asked when nothing changes.
func releases(r repository) {
	r.t.Helper()
	r.write("one/a.yaml", "kind: set\nname: one\n---\nkind: access_profile\nname: Wanders\ntags: [x]\n")
	r.write("two/a.yaml", strings.Replace(r.text("one/a.yaml"), "name: one", "name: two", 1))
	r.ends(0, "apply -f DIR/one --yes")
	r.ends(0, "apply -f DIR/one", "Applied to set one: 0 to create, 0 to change, 0 to delete, 0 to adopt, 1 unchanged.")
	r.ends(1, "apply -f DIR/one --release --set one -f DIR/two", "two_sets")
	r.ends(3, "apply -f DIR/two --yes", "Wanders belongs to the set one. Remove it from these files, or remove its document from the files of one and apply them with --release")
	r.write("one/a.yaml", "kind: set\nname: one\n")
	r.ends(6, "plan -f DIR/one")
	r.ends(2, "plan -f DIR/one --release --exit-code", "^ access_profile Wanders   (stays, and belongs to no set)", "0 to adopt, 1 to release, 0 unchanged")
	r.ends(1, "apply -f DIR/one --release", "the answer was not yes")
	r.ends(0, "apply -f DIR/one --release --yes", "1 to release")
	r.ends(0, "apply -f DIR/two --yes", "= access_profile Wanders")
}
