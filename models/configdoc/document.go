package configdoc

import (
	"slices"
	"strings"

	"tollgate/models/input"
)

// The kinds of documents in the order in which they depend on each other.
const (
	Provider      = "provider"
	MCPClient     = "mcp_client"
	ToolGroup     = "tool_group"
	Role          = "role"
	AccessProfile = "access_profile"
	User          = "user"

	SCIMConnection   = "scim_connection"
	IdentityProvider = "identity_provider"

	Settings = "settings"
)

// Kinds are the kinds of documents in the order in which they are saved.
var Kinds = []string{
	Provider, MCPClient, ToolGroup, Role, AccessProfile, User, SCIMConnection, IdentityProvider, Settings,
}

// The kinds of what else files hold: the name of the set, and tests of its policy.
const (
	SetKind   = "set"
	TestsKind = "tests"
)

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
	read(c *input.Reader) Wanted
}

func (h Header) header() Header { return h }

func (h Header) renamedFrom() input.Value { return input.Value{} }

// KindOf is the kind that a document says it has.
func KindOf(d Document) string { return d.header().Kind.Text }

// New is an empty document of a kind; nil of an unknown one.
func New(kind string) Document {
	switch kind {
	case Provider:
		return &ProviderDocument{}
	case MCPClient:
		return &ServerDocument{}
	case ToolGroup:
		return &GroupDocument{}
	case Role:
		return &RoleDocument{}
	case AccessProfile:
		return &ProfileDocument{}
	case User:
		return &UserDocument{}
	case SCIMConnection:
		return &DirectoryDocument{}
	case IdentityProvider:
		return &SignInDocument{}
	case Settings:
		return &SettingsDocument{}
	}
	return nil
}

// ID names a Resource: its kind, and the form in which its name is compared.
type ID struct{ Kind, Key string }

// IDOf is the identity of a resource.
func IDOf(kind, name string) ID {
	switch kind {
	case Provider, MCPClient, IdentityProvider, Settings:
		return ID{kind, name}
	case User:
		return ID{kind, input.FoldCase(name)}
	}
	return ID{kind, input.NameKey(name)}
}

// CompareIDs orders resources by kind, then by name.
func CompareIDs(a, b ID) int {
	if a.Kind != b.Kind {
		return slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind)
	}
	return strings.Compare(a.Key, b.Key)
}

// Texts are the texts of a list.
func Texts(l input.List[input.Value]) []string {
	all := make([]string, len(l.Items))
	for i, v := range l.Items {
		all[i] = v.Text
	}
	return all
}
