package handout

import (
	"strconv"
	"strings"
	"time"

	"tollgate/models/addresses"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// mostLines is how many addresses may be sent at once.
const mostLines = 200

// Input is who is to get a profile: addresses with commas, semicolons or new lines between, each with a name or
// without.
type Input struct {
	input.Row
	Emails    input.Value `json:"emails"`
	ExpiresAt input.Value `json:"expires_at"`
	DryRun    input.Value `json:"dry_run"`
	Token     input.Value `form:"token"` // of the preview, which is carried out once
	Edit      input.Value `form:"edit"`  // set to go back to the addresses from there
}

// The outcomes of a line.
const (
	New       = "new_user"
	Given     = "given"
	Already   = "already_held"
	Duplicate = "duplicate"
	Invalid   = "invalid_email"
	Left      = "left"
	Forbidden = "forbidden"
)

// Line is one address, and the outcome for it.
type Line struct {
	Text    string `json:"line"`
	Email   string `json:"email,omitempty"`
	Name    string `json:"name,omitempty"`
	UserID  string `json:"user_id,omitempty"`
	Outcome string `json:"outcome"`
	Message string `json:"message,omitempty"`

	Key *Key `json:"virtual_key,omitempty"`

	emailKey string
}

// Key is a key that was issued, with its value.
type Key struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Gets reports whether the user of the line gets the profile.
func (l Line) Gets() bool { return l.Outcome == New || l.Outcome == Given }

// read splits the addresses. Lines without a valid address and repeated ones get their outcome here.
func (in Input) read(now time.Time) (lines []Line, expires *time.Time, err error) {
	c := &input.Reader{}
	c.Required("emails", in.Emails, "the addresses of users")
	entries, text := pasted(in.Emails)
	_, ok := c.Text("emails", text, input.TextRule{What: "addresses", Max: 60_000, Newlines: true})
	if ok {
		lines = linesOf(entries)
	}
	switch {
	case ok && len(lines) == 0:
		c.Add("emails", "required", "Enter the addresses of users.")
	case len(lines) > mostLines:
		c.Add("emails", "too_many_items", "Give a profile to at most "+strconv.Itoa(mostLines)+" users at once.")
	}
	if in.ExpiresAt.Given() {
		expires = c.Expiry("expires_at", in.ExpiresAt, nil, now)
	}
	c.Bool("dry_run", in.DryRun)
	return lines, expires, problem.InvalidInput(c.Problems)
}

// pasted is what was read of the addresses, without what a text may not contain.
func pasted(v input.Value) ([]addresses.Entry, input.Value) {
	entries := addresses.Read(v.Text)
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = e.Text
	}
	if len(entries) > 0 {
		v.Text = strings.Join(texts, "\n")
	}
	return entries, v
}

func linesOf(entries []addresses.Entry) []Line {
	lines := make([]Line, len(entries))
	seen := map[string]bool{}
	for i, e := range entries {
		line := lineOf(e)
		if line.Outcome == "" && seen[line.emailKey] {
			line.Outcome, line.Message = Duplicate, "It stands here twice."
		}
		seen[line.emailKey] = true
		lines[i] = line
	}
	return lines
}

func lineOf(e addresses.Entry) Line {
	line := Line{Text: problem.Clip(e.Text), Name: e.Name}
	c := &input.Reader{}
	email, ok := identity.ReadNewEmail(c, "email", input.FormValue(e.Address), "")
	if ok && line.Name != "" {
		line.Name, ok = c.Text("name", input.FormValue(line.Name), input.TextRule{What: "a name", Max: 255})
	}
	if !ok {
		line.Outcome, line.Message = Invalid, c.Problems[0].Message
		return line
	}
	line.Email, line.emailKey = email, input.FoldCase(email)
	if line.Name == "" {
		line.Name, _, _ = strings.Cut(email, "@")
	}
	return line
}
