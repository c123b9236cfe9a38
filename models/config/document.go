package config

import (
	"strings"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// The kinds of documents in the order in which they depend on each other.
const (
	Provider      = "provider"
	MCPClient     = "mcp_client"
	ToolGroup     = "tool_group"
	Role          = "role"
	AccessProfile = "access_profile"
	User          = "user"
	Settings      = "settings"
)

// Kinds are the kinds of documents in the order in which they are saved.
var Kinds = []string{Provider, MCPClient, ToolGroup, Role, AccessProfile, User, Settings}

// The kinds of what else files hold: the name of the set, and tests of its policy.
const (
	SetKind   = "set"
	TestsKind = "tests"
)

// Resources are the resources of permissions that kinds belong to.
var Resources = map[string]string{
	Provider: "Providers", MCPClient: "MCPServers", ToolGroup: "ToolGroups", Role: "Roles",
	AccessProfile: "AccessProfiles", User: "Users", Settings: "Settings",
}

// Header is what documents of every kind may say.
type Header struct {
	Kind      input.Value `json:"kind"`
	Protected input.Value `json:"protected"`
}

// Renamed is what documents say whose resources can be renamed.
type Renamed struct {
	RenamedFrom input.Value `json:"renamed_from"`
}

// Document is an input struct for a document of one kind.
type Document interface {
	header() Header
	renamedFrom() input.Value
	// read checks the document by itself.
	read(c *input.Reader) wanted
}

func (h Header) header() Header { return h }

func (h Header) renamedFrom() input.Value { return input.Value{} }

// NewDocument is an empty document of a kind; nil of an unknown one.
func NewDocument(kind string) Document {
	switch kind {
	case Provider:
		return &providerDocument{}
	case MCPClient:
		return &serverDocument{}
	case ToolGroup:
		return &groupDocument{}
	case Role:
		return &roleDocument{}
	case AccessProfile:
		return &profileDocument{}
	case User:
		return &userDocument{}
	case Settings:
		return &settingsDocument{}
	}
	return nil
}

// ID names a resource: its kind, and the form in which its name is compared.
type ID struct{ Kind, Key string }

// wanted is a document that was read.
type wanted struct {
	ID
	Name      string
	Protected bool

	at       string // its path in the request, such as documents[2]
	document Document
	resource any    // what it describes, as the API would answer it
	former   string // the name that it had
	refs     []reference
	body     canonical
}

// reference is what a document names, at a path in it.
type reference struct {
	path, kind, name string
}

// read reads one document at a path. What is wrong has the path of its field.
func read(d Document, at string) (wanted, problem.Problems) {
	c := &input.Reader{}
	w := d.read(c)
	w.Kind, w.at, w.document = d.header().Kind.Text, at, d
	w.Protected, _ = c.Bool("protected", d.header().Protected)
	former := d.renamedFrom()
	if former.Kind != input.Absent {
		w.former, _ = c.Text("renamed_from", former, input.TextRule{What: "the former name", Max: 255})
	}
	for i := range c.Problems {
		c.Problems[i].Field = below(at, c.Problems[i].Field)
	}
	return w, c.Problems
}

// below is the path of a field of a document.
func below(at, field string) string {
	if field == "" || strings.HasPrefix(field, "[") {
		return at + field
	}
	return at + "." + field
}

// named is the identity of a resource.
func named(kind, name string) ID {
	switch kind {
	case Provider, MCPClient, Settings:
		return ID{kind, name}
	case User:
		return ID{kind, input.FoldCase(name)}
	}
	return ID{kind, input.NameKey(name)}
}

// texts are the texts of a list.
func texts(l input.List[input.Value]) []string {
	all := make([]string, len(l.Items))
	for i, v := range l.Items {
		all[i] = v.Text
	}
	return all
}
