package scim

import (
	"strings"
	"testing"
	"time"

	"tollgate/models/problem"
)

// What is no filter is refused within a millisecond, however it is made.
func TestFiltersAreRefusedQuickly(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no quotes": "userName eq kim", "60 brackets": strings.Repeat("(", 60) + `userName eq "x"` + strings.Repeat(")", 60),
		"3,000 bytes": `userName eq "` + strings.Repeat("x", 3000) + `"`,
		"40 terms":    strings.Repeat(`userName eq "a" or `, 39) + `userName eq "a"`,
		"open quote":  `userName eq "x`, "open bracket": `(userName eq "x"`, "closed twice": `userName eq "x")`,
		"no operator": "userName", "unknown operator": `userName is "x"`, "two in a row": `userName eq "x" userName eq "y"`,
		"not without brackets": `not userName eq "x"`, "and at the end": `userName eq "x" and`, "value first": `"x" eq userName`,
		"escape": `userName eq "\q"`, "nul": `userName eq "\u0000"`, "dots": `a.b.c eq "x"`, "foreign schema": `urn:x:userName eq "x"`,
		"inside brackets": `emails[type eq "work" value eq "x"]`, "deep": strings.Repeat("emails[", 12) + "a pr" + strings.Repeat("]", 12),
	} {
		begun := time.Now()
		_, err := ParseFilter(text)
		if refusal, ok := problem.AsRefusal(err); !ok || refusal.Problems[0].Code != InvalidFilter && name != "nul" {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: %s", name, took)
		}
	}
}

// And binds more closely than or. Names and operators count in any case.
func TestFiltersAreRead(t *testing.T) {
	f, err := ParseFilter(`A eq "x" OR b PR and not (urn:ietf:params:scim:schemas:core:2.0:User:C ne TRUE)`)
	if err != nil || f.Op != "or" || f.Parts[0].Attr != "a" || f.Parts[1].Op != "and" || f.Parts[1].Parts[1].Parts[0].Attr != "c" {
		t.Errorf("%+v %v", f, err)
	}
	f, err = ParseFilter(`emails[type eq "work" and primary eq true].value sw "a\"b"`)
	if err != nil || f.Attr != "emails.value" || f.Where.Op != "and" || f.Value.Text != `a"b` {
		t.Errorf("%+v %v", f, err)
	}
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		`userName eq "x"`, `emails[type eq "work"].value eq "x"`, `not (a pr) and b ge 1.5e3`, `((`, `"`, `a[b`, "urn:ietf:params:scim:",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		if err == nil {
			filter.matches(func(string) Value { return Value{} })
			filter.equals()
		}
		if _, err := ParsePath(text); err == nil && strings.TrimSpace(text) == "" {
			t.Error("an empty path was read")
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, body := range []string{
		`{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`,
		`{"Operations":[{"op":"add","path":"emails[type eq \"other\"].value","value":"m@other.example"}]}`,
		`{"Operations":[{"op":"replace","value":{"name.givenName":"x","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"y"}}]}`,
		`{"Operations":[{"op":"Remove","path":"members","value":[{"value":"u1"}]}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		root, err := Parse(body)
		if err != nil {
			return
		}
		operations, err := ReadPatch(root)
		if err != nil {
			return
		}
		before := User{UserName: "a@example.com", Active: true, Emails: []Email{{Value: "a@example.com", Type: "work"}}}
		document := before.Document()
		if after, err := before.Patched(operations); err == nil && after.UserName == "" {
			t.Error("the userName is gone")
		}
		if before.Document() != document {
			t.Error("the user before it has changed")
		}
		group := Group{DisplayName: "g", Members: map[string]bool{"u1": true}}
		if _, err := group.Patched(operations); len(group.Members) != 1 {
			t.Errorf("the group before it has changed: %v", err)
		}
	})
}
