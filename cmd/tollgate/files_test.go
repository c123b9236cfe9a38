package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository is a folder of files, and a console that they are for.
type repository struct {
	t           *testing.T
	dir         string
	environment []string
}

func (r repository) file(name string) string { return filepath.Join(r.dir, name) }

func (r repository) write(name, content string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.file(name)), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.file(name), []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) text(name string) string {
	r.t.Helper()
	content, err := os.ReadFile(r.file(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(content)
}

// ends runs a command and fails the test unless it ends with the code and says the words, also on stderr.
func (r repository) ends(code int, command string, words ...string) string {
	r.t.Helper()
	got := do(r.t, r.environment, "", strings.Fields(strings.ReplaceAll(command, "DIR", r.dir))...)
	said := got.stdout + got.stderr
	if got.code != code {
		r.t.Fatalf("tollgate %s: exit code %d, want %d\n%s", command, got.code, code, said)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			r.t.Errorf("tollgate %s does not say %q:\n%s", command, word, said)
		}
	}
	return got.stdout
}

// api calls the console as an admin does.
func (r repository) api(method, path, body string) {
	r.t.Helper()
	url, key := strings.TrimPrefix(r.environment[0], "TOLLGATE_URL="), strings.TrimPrefix(r.environment[1], "TOLLGATE_API_KEY=")
	c := &instance{address: url, log: &lines{}}
	eventually(r.t, method+" "+path+" is not put off", func() bool {
		status, answer := c.ask(r.t, method, url+path, key, body)
		if status >= 300 && !putOff(status, answer) {
			r.t.Fatalf("%s %s: %d %s", method, path, status, answer)
		}
		return status < 300
	})
}

// Files go from a repository into a console and back, and each exit code says what a pipeline has to know.
func TestFiles(t *testing.T) {
	t.Parallel()
	data := migratedFolder(t)
	c := start(t, append(inFolder(data), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD=correct horse battery"))
	key := func(name string, more ...string) string {
		return strings.TrimSpace(must(t, inFolder(data), "", append([]string{"api-key", "create", "--name", name}, more...)...))
	}
	r := repository{t, t.TempDir(), []string{"TOLLGATE_URL=" + c.address, "TOLLGATE_API_KEY=" + key("files")}}

	// What the console has is taken over as it is, and then nothing is left to change.
	r.ends(0, "apply -f ../../docs/config-example.yaml --yes", "+ access_profile Engineering", "7 to create, 1 to change")
	r.ends(0, "plan -f ../../docs/config-example.yaml --exit-code", "8 unchanged")
	r.api("POST", "/api/access-profiles", `{"name": "By hand"}`)
	r.ends(0, "export -o DIR/config", "documents were written")
	r.ends(64, "export -o DIR/config", "is not empty")
	r.ends(64, "plan -f DIR/config", "name the set")
	r.write("config/set.yaml", "kind: set\nname: platform\n")
	r.ends(0, "validate -f DIR/config", "documents are valid")
	r.ends(0, "fmt --check -f DIR/config")
	r.ends(2, "plan -f DIR/config --exit-code", "= access_profile By hand   (belonged to no set)", "1 to adopt, 8 unchanged")
	r.ends(0, "apply -f DIR/config --yes", "Applied to set platform")
	if out := r.ends(0, "plan -f DIR/config --exit-code"); !strings.Contains(out, "0 to create, 0 to change, 0 to delete, 0 to adopt") {
		t.Errorf("planned again: %s", out)
	}
	r.ends(0, "export -o DIR/again --set platform")
	for _, name := range []string{"set.yaml", "providers/openai.yaml", "access-profiles/engineering.yaml"} {
		if r.text("again/"+name) != r.text("config/"+name) {
			t.Errorf("%s is exported as\n%s\nand then as\n%s", name, r.text("config/"+name), r.text("again/"+name))
		}
	}

	users(r)
	signIn(r)
	wrongFiles(r)
	tests(r)
	drifts(r)
	pulls(r)
	adoptions(r)
	releases(r)
	r.ends(6, "plan -f DIR/config/set.yaml", "no document")
	r.ends(6, "plan -f DIR/config/set.yaml --prune")
	r.ends(6, "plan -f DIR/config/set.yaml -f DIR/config/providers --prune --max-deletes 2", "max_deletes")
	r.ends(64, "plan --everything", "plan --help")
	looks := r
	looks.environment = []string{r.environment[0], "TOLLGATE_API_KEY=" + key("looks", "--scopes", "AccessProfiles:View,Roles:View,Providers:View,MCPServers:View,ToolGroups:View,Settings:View")}
	looks.write("config/extra.yaml", "kind: access_profile\nname: Extra\n")
	looks.ends(2, "plan -f DIR/config --exit-code", "+ access_profile Extra")
	looks.ends(77, "apply -f DIR/config --yes", "AccessProfiles:Create")
	away := r
	away.environment = []string{"TOLLGATE_URL=http://127.0.0.1:9", r.environment[1]}
	away.ends(69, "plan -f DIR/config", "does not answer")
	r.environment = []string{r.environment[0], "TOLLGATE_API_KEY=tg_wrong"}
	r.ends(77, "plan -f DIR/config")
}

// users are in files only when they are asked for, and a pull writes what was changed of them in the console.
func users(r repository) {
	r.t.Helper()
	r.ends(0, "export -o DIR/everything --users", "documents were written")
	if got := r.text("everything/users/ada-example-com.yaml"); got != "kind: user\nemail: \"ada@example.com\"\nname: ada\nrole: Admin\n" {
		r.t.Errorf("a user is exported as\n%s", got)
	}
	if _, err := os.Stat(r.file("config/users")); !os.IsNotExist(err) {
		r.t.Errorf("users were exported without being asked for: %v", err)
	}
	r.write("people/a.yaml", "kind: set\nname: people\n---\nkind: user\nemail: bob@example.com\nname: Bob # of finance\nrole: Viewer\n")
	r.ends(0, "apply -f DIR/people --yes", "+ user bob@example.com")
	r.write("people/a.yaml", strings.Replace(r.text("people/a.yaml"), "Viewer", "Developer", 1))
	r.ends(0, "pull -f DIR/people", "a.yaml:4:1: bob@example.com")
	if got := r.text("people/a.yaml"); !strings.HasSuffix(got, "name: Bob # of finance\nrole: Viewer\n") {
		r.t.Errorf("pulled:\n%s", got)
	}
	r.write("people/a.yaml", "kind: set\nname: people\n---\nkind: user\nemail: bob\nname: Bob\npassword: x\n")
	r.ends(1, "validate -f DIR/people", "a.yaml:7:1: Leave out password")
}

// signIn has providers and the connections of directories in files; a pull writes what was changed of them.
func signIn(r repository) {
	r.t.Helper()
	r.write("sign-in/a.yaml", "kind: set\nname: sign-in\n---\nkind: identity_provider\nslug: okta\nname: Okta\nissuer: \"https://example.okta.com\"\nclient_id: 0oa1\n")
	r.ends(0, "apply -f DIR/sign-in --yes", "+ identity_provider okta")
	r.write("sign-in/a.yaml", strings.Replace(r.text("sign-in/a.yaml"), "Okta", "Another", 1))
	r.ends(0, "pull -f DIR/sign-in", "okta")
	r.ends(0, "export -o DIR/signed --set sign-in")
	if got := r.text("signed/identity-providers/okta.yaml"); !strings.Contains(got, "name: Okta\n") || !strings.Contains(r.text("sign-in/a.yaml"), "name: Okta\n") {
		r.t.Errorf("an identity provider is exported as\n%s", got)
	}
	directory := "kind: scim_connection\nname: Okta\ndefault_role: Member\nemail_domains: [example.com] # ours\n"
	provider := "\n---\nkind: identity_provider\nslug: okta\nname: Okta\nissuer: \"https://example.okta.com\"\nclient_id: 0oa1\nconnection: Okta\nmatch_claim: uid\n"
	r.write("sign-in/a.yaml", "kind: set\nname: sign-in\n---\n"+directory+provider)
	r.ends(0, "apply -f DIR/sign-in --yes", "+ scim_connection Okta", "~ identity_provider okta")
	r.write("sign-in/a.yaml", "kind: set\nname: sign-in\n---\n"+directory+"retention_days: 9\nis_enabled: false\n"+provider)
	r.ends(0, "pull -f DIR/sign-in", "a.yaml:4:1: Okta")
	if got := r.text("sign-in/a.yaml"); !strings.Contains(got, directory) || strings.Contains(got, "retention_days") {
		r.t.Errorf("pulled:\n%s", got)
	}
	r.ends(0, "plan -f DIR/sign-in", "2 unchanged")
	r.ends(0, "export -o DIR/directories --set sign-in")
	if got := r.text("directories/scim-connections/okta.yaml"); got != strings.Replace(directory, " # ours", "", 1) {
		r.t.Errorf("a connection is exported as\n%s", got)
	}
	r.ends(0, "fmt --check -f DIR/directories")
	r.write("wrong/a.yaml", "kind: scim_connection\nname: Ping\nretention_days: 0\ntokens: [x]\n---\n"+strings.Replace(provider[5:], "uid", "7", 1))
	r.ends(1, "validate -f DIR/wrong", "a.yaml:4:1: Leave out tokens")
	r.write("wrong/a.yaml", "kind: scim_connection\nname: Ping\nretention_days: 0\n---\n"+strings.Replace(provider[5:], "uid", "7", 1))
	r.ends(1, "validate -f DIR/wrong", "a.yaml:1:1: ", "a.yaml:3:1: ", "a.yaml:11:1: ")
}

// wrongFiles are refused by their places before a console is asked.
func wrongFiles(r repository) {
	r.t.Helper()
	r.write("bad/a.yaml", "kind: set\nname: a\n---\nkind: access_profile\nname: &x A\nbudgets:\n  - {max_limit: 1, reset_duration: 1d, burst: 1}\n")
	r.write("bad/b.yaml", "kind: set\nname: b\n---\nkind: roles\nname: x\n")
	r.ends(1, "plan -f DIR/bad", "a.yaml:5:7: ", "b.yaml:1:1: ", "b.yaml:4:1: ", "two_sets", "unknown_kind", "nothing was changed")
	r.write("bad/a.yaml", "kind: access_profile\nname: A\nbudgets:\n  - {max_limit: 1, reset_duration: 1d, burst: 1}\n---\nkind: access_profile\nname: a\n---\nkind: tests\nname: none\ncase: []\n")
	r.write("bad/b.yaml", "kind: set\nname: b\n")
	r.ends(1, "apply --yes -f DIR/bad", "a.yaml:4:40: Leave out burst; it is not a field here.", "a.yaml:11:1")
	r.write("bad/a.yaml", "kind: access_profile\nname: A\nmcp_tool_groups: [Nothing]\n---\nkind: access_profile\nname: a\n---\nkind: tests\nname: none\n")
	r.ends(1, "apply --yes -f DIR/bad", "a.yaml:6:1: ", "duplicate_document", "a.yaml:8:1: Give at least one case")
	r.write("bad/a.yaml", "kind: access_profile\nname: A\nmcp_tool_groups: [Nothing]\n")
	r.ends(1, "apply --yes -f DIR/bad", "a.yaml:3:19: ", "unknown_tool_group")
	r.write("bad/a.yaml", "# Who owns it\nkind:   access_profile\nname: 'A'\ntags: [b,   \"c\"]\nbudgets:\n- max_limit: 5.0\n  reset_duration: 1d\nrate_limit: ~\n")
	r.ends(0, "fmt -f DIR/bad", "a.yaml")
	if got, want := r.text("bad/a.yaml"), "# Who owns it\nkind: access_profile\nname: A\ntags: [b, c]\nbudgets:\n  - {max_limit: 5, reset_duration: 1d}\n"; got != want {
		r.t.Errorf("formatted:\n%s", got)
	}
}

// tests of the policy run inside the plan, and alone.
func tests(r repository) {
	r.t.Helper()
	profile := "kind: access_profile\nname: Tested\nprovider_configs:\n  - {provider_name: openai, allowed_models: [gpt-5]}\n"
	r.write("tested/set.yaml", "kind: set\nname: tested\n")
	r.write("tested/profile.yaml", profile)
	r.write("tested/tests.yaml", "kind: tests\nname: stays\ncases:\n  - {as: \"profile:Tested\", allow: [openai/gpt-5], deny: [openai/gpt-4o]}\n")
	r.ends(0, "apply -f DIR/tested --yes")
	r.ends(0, "test -f DIR/tested", "2 tests hold")
	r.write("tested/profile.yaml", strings.ReplaceAll(profile, "gpt-5", "gpt-4o"))
	r.ends(5, "plan -f DIR/tested", "tests.yaml:4:36: profile:Tested and openai/gpt-5: expected allow, but it is denied, model_blocked.", "tests.yaml:4:58: ")
	r.ends(5, "apply -f DIR/tested --yes")
	r.ends(0, "test -f DIR/tested")
}

// drifts are found, kept in files by a pull that leaves the rest of them alone, or undone.
func drifts(r repository) {
	r.t.Helper()
	const content = `# Of the platform team.
kind: access_profile
name: Pulled

tags: [a] # one

# Ask finance before you raise these.
budgets:
    - {max_limit:   60, reset_duration: 1d}
    - max_limit: 900
      reset_duration: 1M
calendar_aligned: true
---
kind: access_profile
name: Beside
tags: [x]
`
	r.write("pulled/set.yaml", "kind: set\nname: pulled\n")
	r.write("pulled/a.yaml", content)
	r.ends(0, "plan -f DIR/pulled -o DIR/plan.json")
	r.ends(0, "apply -f DIR/pulled --plan DIR/plan.json", "2 to create")
	r.ends(4, "apply -f DIR/pulled --plan DIR/plan.json --prune", "Plan again")
	r.write("pulled/a.yaml", strings.Replace(content, "[x]", "[w]", 1))
	id := profileID(r, "Pulled")
	r.ends(0, "plan -f DIR/pulled -o DIR/plan.json", "~ tags: [x] -> [w]")
	r.api("PUT", "/api/access-profiles/"+id, `{"tags": ["b", "c"], "calendar_aligned": false, "description": "By hand"}`)
	r.ends(4, "apply -f DIR/pulled --plan DIR/plan.json")
	r.ends(3, "plan -f DIR/pulled", "a.yaml:2:1: Pulled was changed in the console", "~ tags: [b, c] -> [a]")
	r.ends(3, "apply -f DIR/pulled --yes")
	r.write("pulled/a.yaml", content)
	r.ends(0, "pull -f DIR/pulled", "a.yaml:2:1: Pulled")
	want := strings.NewReplacer("tags: [a] # one\n", "tags: [b, c]\n", "calendar_aligned: true\n", "description: By hand\n").Replace(content)
	if got := r.text("pulled/a.yaml"); got != want {
		r.t.Errorf("pulled:\n%s\nwant\n%s", got, want)
	}
	r.ends(0, "plan -f DIR/pulled --exit-code")
	r.ends(0, "apply -f DIR/pulled --yes")
	r.write("pulled/a.yaml", content)
	r.ends(0, "plan -f DIR/pulled")
	r.api("PUT", "/api/access-profiles/"+id, `{"tags": ["z"]}`)
	r.ends(0, "apply -f DIR/pulled --on-drift revert --yes", "changed in the console since the last apply")
	r.ends(0, "plan -f DIR/pulled --exit-code")
	r.write("theft/a.yaml", "kind: set\nname: thief\n---\nkind: access_profile\nname: pulled\n")
	r.ends(3, "plan -f DIR/theft", "belongs to the set pulled")
}

func profileID(r repository, name string) string {
	r.t.Helper()
	c := &instance{address: strings.TrimPrefix(r.environment[0], "TOLLGATE_URL=")}
	_, list := c.get(r.t, c.address+"/api/access-profiles?search="+name, strings.TrimPrefix(r.environment[1], "TOLLGATE_API_KEY="))
	_, rest, _ := strings.Cut(string(list), `"id":`)
	id, _, found := strings.Cut(rest, ",")
	if !found {
		r.t.Fatalf("no profile %s in %s", name, list)
	}
	return id
}

// The example of the documentation is applied by itself, in its own form but for its comments.
func TestFilesExample(t *testing.T) {
	t.Parallel()
	r := do(t, nil, "", "validate", "-f", "../../docs/config-example.yaml")
	if r.code != 0 || !strings.Contains(r.stdout, "9 documents are valid") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
