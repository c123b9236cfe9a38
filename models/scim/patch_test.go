package scim

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func patch(t *testing.T, operations ...string) []Operation {
	t.Helper()
	root, err := Parse([]byte(`{"Operations":[` + strings.Join(operations, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadPatch(root)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Random patches of members have the effect that a set has, in every shape in which Okta and Entra send them. The twin
// removes as the RFC says, by which a value does not count: it empties groups.
func TestRandomPatchesOfMembers(t *testing.T) {
	r := seeded(t)
	if said := differs(t, r, Group.Patched); said != "" {
		t.Error(said)
	}
	byRFC := func(g Group, operations []Operation) (Group, error) {
		for i := range operations {
			if operations[i].Op == "remove" {
				operations[i].Value = Value{}
			}
		}
		return g.Patched(operations)
	}
	if said := differs(t, r, byRFC); !strings.Contains(said, `"Remove"`) {
		t.Errorf("what the twin removes is not found: %q", said)
	}
}

// differs says after which of random patches a group is another one than the model, "" when it never is.
func differs(t *testing.T, r *rand.Rand, patched func(Group, []Operation) (Group, error)) string {
	t.Helper()
	group, model := Group{DisplayName: "g", Members: map[string]bool{}}, map[string]bool{}
	for n := range 3000 {
		var ids, values []string
		for range r.IntN(4) {
			id := fmt.Sprintf("u%d", r.IntN(12))
			ids, values = append(ids, id), append(values, fmt.Sprintf(`{"value":%q,"$ref":null}`, id))
		}
		list := "[" + strings.Join(values, ",") + "]"
		one := fmt.Sprintf("u%d", r.IntN(12))
		shapes := []struct {
			text  string
			apply func()
		}{
			{`{"op":"Add","path":"members","value":` + list + `}`, func() { addAll(model, ids) }},
			{`{"op":"add","value":{"members":` + list + `}}`, func() { addAll(model, ids) }},
			{`{"op":"Remove","path":"members","value":` + list + `}`, func() { removeAll(model, ids) }},
			{`{"op":"remove","path":"members[value eq \"` + one + `\"]"}`, func() { delete(model, one) }},
			{`{"op":"replace","path":"members","value":` + list + `}`, func() { clear(model); addAll(model, ids) }},
			{`{"op":"replace","value":{"members":` + list + `,"displayName":"g"}}`, func() { clear(model); addAll(model, ids) }},
			{`{"op":"replace","value":{"id":"x","displayName":"g"}}`, func() {}},
			{`{"op":"remove","path":"members"}`, func() { clear(model) }},
		}
		shape := shapes[r.IntN(len(shapes))]
		if shape.text == shapes[7].text && r.IntN(4) > 0 {
			continue // else it is always empty
		}
		var err error
		if group, err = patched(group, patch(t, shape.text)); err != nil {
			t.Fatal(err)
		}
		shape.apply()
		if !maps.Equal(group.Members, model) {
			return fmt.Sprintf("after %d patches, the last of them %s: %v, want %v", n, shape.text, group.Members, model)
		}
	}
	return ""
}

func addAll(set map[string]bool, ids []string) {
	for _, id := range ids {
		set[id] = true
	}
}

func removeAll(set map[string]bool, ids []string) {
	for _, id := range ids {
		delete(set, id)
	}
}

// Random patches of a user have the effect that a map of paths has.
func TestRandomPatchesOfUsers(t *testing.T) {
	r := seeded(t)
	const core, extension = "urn:ietf:params:scim:schemas:core:2.0:User:", EnterpriseSchema
	spellings := map[string][]string{
		"displayName":           {"displayName", "DISPLAYNAME", core + "displayName"},
		"name.givenName":        {"name.givenName", "Name.GivenName", core + "name.givenName"},
		"name.familyName":       {"name.familyName"},
		"enterprise.department": {extension + ":department", extension + ".department", strings.ToLower(extension) + ":DEPARTMENT"},
		"emails.other":          {`emails[type eq "other"].value`, `emails[TYPE eq "OTHER"].value`},
	}
	names := slices.Sorted(maps.Keys(spellings))
	user, model := User{UserName: "a@example.com", Active: true}, map[string]string{}
	for n := range 3000 {
		name := names[r.IntN(len(names))]
		path, _ := json.Marshal(spellings[name][r.IntN(len(spellings[name]))])
		text := fmt.Sprintf("v%d", r.IntN(5))
		operation := fmt.Sprintf(`{"op":%q,"path":%s,"value":%q}`, []string{"Add", "replace", "Replace"}[r.IntN(3)], path, text)
		switch r.IntN(5) {
		case 0:
			operation = fmt.Sprintf(`{"op":"Remove","path":%s}`, path)
			delete(model, name)
		case 1:
			if name == "emails.other" {
				continue // no name of a member
			}
			operation = fmt.Sprintf(`{"op":"replace","value":{%s:%q,"title":"Boss"}}`, path, text)
			model[name] = text
		default:
			model[name] = text
		}
		var err error
		if user, err = user.Patched(patch(t, operation)); err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		if kept := flat(user); !maps.Equal(kept, model) {
			t.Fatalf("after %d patches, the last of them %s: %v, want %v", n, operation, kept, model)
		}
	}
}

func flat(u User) map[string]string {
	all := map[string]string{}
	if u.DisplayName != "" {
		all["displayName"] = u.DisplayName
	}
	for part, text := range u.Name {
		all["name."+part] = text
	}
	for part, text := range u.Enterprise {
		all["enterprise."+part] = text
	}
	for _, e := range u.Emails {
		all["emails."+strings.ToLower(e.Type)] = e.Value
	}
	return all
}

// Whatever is wrong with one operation, nothing of the patch is done.
func TestPatchesAreRefusedAsAWhole(t *testing.T) {
	before := User{UserName: "a@example.com", Active: true, DisplayName: "A"}
	for _, wrong := range []string{
		`{"op":"replace","path":"active","value":0}`, `{"op":"replace","path":"active","value":"yes"}`,
		`{"op":"replace","path":"active","value":null}`, `{"op":"remove","path":"active"}`,
		`{"op":"replace","path":"userName","value":""}`, `{"op":"remove","path":"userName"}`,
		`{"op":"replace","path":"displayName","value":7}`, `{"op":"replace","path":"displayName","value":"a\u202eb"}`,
		`{"op":"replace","path":"displayName","value":"` + strings.Repeat("x", 256) + `"}`,
		`{"op":"add","path":"emails","value":"a@example.com"}`, `{"op":"add","path":"emails","value":[{"type":"work"}]}`,
		`{"op":"replace","path":"emails","value":[{"type":"work","value":"a@b.c"},{"type":"WORK","value":"b@b.c"}]}`,
		`{"op":"add","path":"emails.value","value":"a@example.com"}`, `{"op":"add","path":"displayName"}`,
		`{"op":"replace","path":"name","value":"Ada"}`, `{"op":"add","path":"roles","value":[{"value":"Admin"}]}`,
	} {
		if _, err := before.Patched(patch(t, `{"op":"replace","path":"displayName","value":"half"}`, wrong)); err == nil {
			t.Errorf("%s was taken", wrong)
		}
		if before.DisplayName != "A" {
			t.Fatalf("%s: half of the patch was done", wrong)
		}
	}
}
