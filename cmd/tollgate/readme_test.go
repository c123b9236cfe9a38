package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The commands of the README do what it says, as they stand there.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, commands := range blocks(t, string(text))[1:] { // the first installs and starts the console
		script.WriteString(commands)
	}
	script.WriteString("echo; api \"usage?provider=openai&user_id=$USER_ID\"\n")
	dir := dataFolder(t)
	c := start(t, inFolder(dir))
	commands := strings.NewReplacer("http://127.0.0.1:8080", c.address, "./bin/tollgate", binary).Replace(script.String())
	shell := exec.Command("bash", "-eu", "-o", "pipefail", "-c", commands)
	shell.Env = append(os.Environ(), inFolder(dir)...)
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{"201 Created", `"name":"Research"`, `"decision":true`, `"status":"counted"`, `"cost":0.02`} {
		if !strings.Contains(string(said), want) {
			t.Errorf("no %s in what they print:\n%s", want, said)
		}
	}
}

// blocks are the commands of a page.
func blocks(t *testing.T, page string) (all []string) {
	t.Helper()
	for _, block := range strings.Split(page, "```sh\n")[1:] {
		commands, _, closed := strings.Cut(block, "```")
		if !closed {
			t.Fatal("a block of commands has no end")
		}
		all = append(all, commands)
	}
	return all
}

// The commands about configuration as code do what the page says.
func TestConfigAsCodePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/config-as-code.md")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	dir := dataFolder(t)
	c := start(t, append(inFolder(dir), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD=correct horse battery"))
	page := blocks(t, string(text))
	script := page[0] + "./bin/tollgate apply -f docs/config-example.yaml --yes\n" + strings.Join(page[1:], "") // else there is nothing
	commands := strings.NewReplacer("http://127.0.0.1:8080", c.address, "./bin/tollgate", binary, "docs/", docs+"/").Replace(script)
	shell := exec.Command("bash", "-eu", "-o", "pipefail", "-c", commands)
	shell.Dir, shell.Env = t.TempDir(), append(os.Environ(), inFolder(dir)...)
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{"+ access_profile Night shift", "1 to create", "- access_profile Night shift", "1 tests hold", "documents are valid"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("no %s in what they print:\n%s", want, said)
		}
	}
}
