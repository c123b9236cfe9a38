package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// object is a JSON object as the API answers it.
type object = map[string]any

// profile finds a profile by its name, as the API has it; nil when there is none.
func (c *console) profile(t *testing.T, name string) object {
	t.Helper()
	var found object
	for _, profile := range c.profiles(t, name) {
		if profile["name"] == name {
			found = profile
		}
	}
	return found
}

func (c *console) profiles(t *testing.T, search string) []object {
	t.Helper()
	return c.rows(t, "access-profiles", search)
}

// create stores a profile through the API and returns its path in the console.
func (c *console) create(t *testing.T, body string) (path string) {
	t.Helper()
	return "/access-profiles/" + id(c.made(t, "/api/access-profiles", body)["access_profile"].(object))
}

// made posts and expects 201.
func (c *console) made(t *testing.T, path, body string) object {
	t.Helper()
	status, answer := c.api(t, "POST", path, body)
	made := object{}
	if err := json.Unmarshal(answer, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("POST %s: %d %s", path, status, answer)
	}
	return made
}

func id(of object) string {
	text, _ := json.Marshal(of["id"])
	return strings.Trim(string(text), `"`)
}

// policyOf is what a profile grants and limits, without what differs between profiles.
func policyOf(t *testing.T, profile object) string {
	t.Helper()
	if profile == nil {
		t.Fatal("there is no such profile")
	}
	text, err := json.MarshalIndent(without(profile, "id", "name", "version", "created_at", "updated_at", "last_reset"), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func without(value any, keys ...string) any {
	switch value := value.(type) {
	case object:
		left := object{}
		for key, inner := range value {
			if !slices.Contains(keys, key) {
				left[key] = without(inner, keys...)
			}
		}
		return left
	case []any:
		left := make([]any, len(value))
		for i, inner := range value {
			left[i] = without(inner, keys...)
		}
		return left
	}
	return value
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}
