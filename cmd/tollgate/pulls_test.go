package main

import "strings"

// pulls replace a field with all lines of its text, also those that look like comments, and keep the end of a file as it
// is: without a new line, or with those of Windows.
func pulls(r repository) {
	r.t.Helper()
	for name, text := range map[string]string{
		"Literal":  "|-\n  Everyone.\n  # of them\n",
		"Indented": "|2-\n    Everyone.\n  # of them\n",
		"Folded":   ">- # so\n  Everyone\n\n  # of them\n",
		"Double":   "\"Everyone\n\n  # of \\\"them\"\n",
		"Single":   "'Everyone''s\n\n  # of them'\n",
	} {
		for _, end := range []string{"\n", "\r\n"} {
			name := name + map[string]string{"\n": "", "\r\n": " of Windows"}[end]
			folder := strings.ReplaceAll(name, " ", "-")
			content := strings.ReplaceAll("kind: access_profile\nname: "+name+"\ndescription: "+text+"\n# Of the owner.\ntags: [a]", "\n", end)
			r.write(folder+"/set.yaml", "kind: set\nname: "+folder+"\n")
			r.write(folder+"/a.yaml", content)
			r.ends(0, "apply -f DIR/"+folder+" --yes", "1 to create")
			r.ends(0, "pull -f DIR/"+folder)
			if got := r.text(folder + "/a.yaml"); got != content {
				r.t.Errorf("%s: a pull of nothing wrote %q", name, got)
			}
			id := profileID(r, strings.ReplaceAll(name, " ", "+"))
			r.api("PUT", "/api/access-profiles/"+id, `{"description": "By hand", "budgets": [{"max_limit": 5, "reset_duration": "1d"}]}`)
			r.ends(0, "pull -f DIR/"+folder, "a.yaml:1:1: "+name)
			want := strings.ReplaceAll("kind: access_profile\nname: "+name+"\ndescription: By hand\n\n# Of the owner.\ntags: [a]\nbudgets:\n"+
				"  - {max_limit: 5, reset_duration: 1d}", "\n", end)
			if got := r.text(folder + "/a.yaml"); got != want {
				r.t.Errorf("%s: pulled\n%q\nwant\n%q", name, got, want)
			}
			r.ends(0, "plan -f DIR/"+folder+" --exit-code")
		}
	}
}
