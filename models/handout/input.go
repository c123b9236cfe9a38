package handout

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

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
	pasted := in.Emails
	pasted.Text = withoutTabs(pasted.Text)
	text, ok := c.Text("emails", pasted, input.TextRule{What: "addresses", Max: 60_000, Newlines: true})
	if ok {
		lines = split(text)
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

// withoutTabs reads lines that were copied from a table: a name and an address, or several addresses.
func withoutTabs(text string) string {
	if !strings.Contains(text, "\t") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var names, addresses []string
		for cell := range strings.SplitSeq(line, "\t") {
			switch cell = strings.TrimSpace(cell); {
			case strings.Contains(cell, "@"):
				addresses = append(addresses, cell)
			case cell != "":
				names = append(names, cell)
			}
		}
		lines[i] = strings.Join(append(names, addresses...), ", ")
		if len(names) > 0 && len(addresses) == 1 && !strings.Contains(addresses[0], "<") {
			lines[i] = strings.Join(names, " ") + " <" + addresses[0] + ">"
		}
	}
	return strings.Join(lines, "\n")
}

func split(text string) []Line {
	var lines []Line
	seen := map[string]bool{}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ',' || r == ';' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		line := readLine(part)
		if line.Outcome == "" && seen[line.emailKey] {
			line.Outcome, line.Message = Duplicate, "It stands here twice."
		}
		seen[line.emailKey] = true
		lines = append(lines, line)
	}
	return lines
}

// readLine reads an address, or a name with the address in angle brackets behind it.
func readLine(text string) Line {
	line := Line{Text: problem.Clip(text)}
	address := text
	if at := strings.LastIndexByte(text, '<'); at >= 0 && strings.HasSuffix(text, ">") {
		line.Name = strings.Trim(strings.TrimSpace(text[:at]), `"'`)
		address = text[at+1 : len(text)-1]
	}
	c := &input.Reader{}
	email, ok := identity.ReadEmail(c, "email", input.FormValue(strings.TrimSpace(address)))
	if ok && norm.NFKC.String(email) != email {
		ok, c.Problems = false, problem.Problems{{Message: "Enter the address in plain characters."}}
	}
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
