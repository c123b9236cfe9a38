package configdoc

import (
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// Wanted is a document that was read.
type Wanted struct {
	ID
	Name      string
	Protected bool

	At       string // its path in the request, such as documents[2]
	Document Document
	Resource any    // what it describes, as the API would answer it
	Former   string // the name that it had
	Refs     []Reference
	Body     Canonical
}

// Reference is what a document names, at a path in it.
type Reference struct{ Path, Kind, Name string }

// Read reads every document and finds those that name the same resource. What is wrong has the path of its field.
func Read(documents []Document) (all []Wanted, problems problem.Problems) {
	seen := map[ID]bool{}
	for i, d := range documents {
		w, found := read(d, input.Index("documents", i))
		problems = append(problems, found...)
		switch {
		case w.Name == "" && w.Kind != Settings:
			continue
		case seen[w.ID]:
			problems = append(problems, problem.Problem{
				Field: w.NameField(), Code: "duplicate_document",
				Message: "Describe " + problem.Clip(w.Name) + " once: another document has this kind and name, in any case.",
			})
		}
		seen[w.ID] = true
		all = append(all, w)
	}
	return all, problems
}

// read reads one document at a path.
func read(d Document, at string) (Wanted, problem.Problems) {
	c := &input.Reader{}
	w := d.read(c)
	w.Kind, w.At, w.Document = d.header().Kind.Text, at, d
	w.Protected, _ = c.Bool("protected", d.header().Protected)
	former := d.renamedFrom()
	if former.Kind != input.Absent {
		w.Former, _ = c.Text("renamed_from", former, input.TextRule{What: "the former name", Max: 255})
	}
	for i := range c.Problems {
		c.Problems[i].Field = Below(at, c.Problems[i].Field)
	}
	return w, c.Problems
}

// Form is a document in its one form; nil when it has a problem.
func Form(d Document) *configfile.Node {
	w, problems := read(d, "")
	if len(problems) > 0 {
		return nil
	}
	body, err := CanonicalOf(w.Kind, w.Protected, w.Resource)
	if err != nil {
		return nil
	}
	if former := d.renamedFrom(); former.Given() {
		body.Node.Members = append(body.Node.Members, member("renamed_from", textNode(former.Text)))
	}
	return &body.Node
}

// NameField is the path of a document's name.
func (w Wanted) NameField() string {
	switch w.Kind {
	case MCPClient:
		return Below(w.At, "client_id")
	case IdentityProvider:
		return Below(w.At, "slug")
	case User:
		return Below(w.At, "email")
	case Settings:
		return w.At
	}
	return Below(w.At, "name")
}

// Resolve writes the names in a document as their resources have them.
func (w *Wanted) Resolve(known map[ID]string) {
	switch answer := w.Resource.(type) {
	case UserAnswer:
		answer.resolve(known)
		w.Resource = answer
	case DirectoryAnswer:
		answer.resolve(known)
		w.Resource = answer
	case SignInAnswer:
		answer.resolve(known)
		w.Resource = answer
	case ProfileAnswer:
		answer.resolve(known)
	}
}

// Unknown are the problems of names that nothing has.
var Unknown = map[string]struct{ Code, What string }{
	Provider:  {"unknown_provider", "a provider"},
	MCPClient: {"unknown_mcp_server", "an MCP server"},
	ToolGroup: {"unknown_tool_group", "a tool group"},
	Role:      {"unknown_role", "a role"},

	AccessProfile:  {"unknown_access_profile", "an access profile"},
	SCIMConnection: {"unknown_connection", "a SCIM connection"},
}

// Below is the path of a field of a document.
func Below(at, field string) string {
	if field == "" || strings.HasPrefix(field, "[") {
		return at + field
	}
	return at + "." + field
}
