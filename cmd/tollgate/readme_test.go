package main

import (
	"os"
	"os/exec"
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
	for n, block := range strings.Split(string(text), "```sh\n")[1:] {
		commands, _, closed := strings.Cut(block, "```")
		if !closed {
			t.Fatal("a block of commands has no end")
		}
		if n > 0 { // the first installs and starts the console
			script.WriteString(commands)
		}
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
