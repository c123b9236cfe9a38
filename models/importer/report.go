package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// Class is what becomes of a field.
type Class string

// The classes, from what needs no look to what needs one.
const (
	Carried Class = "carried" // it means the same here
	Stays   Class = "stays"   // it belongs in the gateway
	Secret  Class = "secret"  // it is in no file of ours
	Changed Class = "changed" // it means something else here
	Lost    Class = "LOST"    // nothing here does it
)

// Note is what became of one field.
type Note struct {
	Place   configfile.Place `json:"-"`
	At      string           `json:"at"` // file:line:column
	Field   string           `json:"field"`
	Class   Class            `json:"class"`
	Message string           `json:"message"`
}

// String is the note in one line.
func (n Note) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %-7s %s  %s", n.At, n.Class, n.Field, n.Message))
}

// Result is what an import makes.
type Result struct {
	Providers, Servers, Profiles, Users []configfile.Node
	Notes                               []Note
}

// Lost reports whether something was lost.
func (r Result) Lost() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Class == Lost })
}

// Count is how many fields ended in a class.
func (r Result) Count(class Class) (n int) {
	for _, note := range r.Notes {
		if note.Class == class {
			n++
		}
	}
	return n
}

// Files are the files to write, by name: one for each kind of document, and the header of the set.
func (r Result) Files(set string) map[string][]byte {
	files := map[string][]byte{"set.yaml": configfile.YAML(object("kind", text("set"), "name", text(set)))}
	for name, documents := range map[string][]configfile.Node{
		"providers.yaml": r.Providers, "mcp-clients.yaml": r.Servers, "access-profiles.yaml": r.Profiles, "users.yaml": r.Users,
	} {
		if len(documents) > 0 {
			files[name] = configfile.YAML(documents...)
		}
	}
	return files
}

// reader reads one file and notes what becomes of it.
type reader struct {
	Result
	file  string
	whole bool // places are those of lists, not of lines
}

func (r *reader) note(class Class, n configfile.Node, field, message string) {
	place := n.Place
	place.File = r.file
	at := place.String()
	if r.whole {
		at = r.file
	}
	r.Notes = append(r.Notes, Note{Place: place, At: at, Field: field, Class: class, Message: message})
}

// sorted puts notes in the order of their places.
func (r *reader) sorted() Result {
	slices.SortStableFunc(r.Notes, func(a, b Note) int {
		return cmp.Or(a.Place.Line-b.Place.Line, a.Place.Column-b.Place.Column)
	})
	return r.Result
}

// rest notes the members of an object that nothing else noted, as secrets by their name or else in a class.
func (r *reader) rest(n configfile.Node, path string, class Class, message string, known ...string) {
	for _, m := range n.Members {
		switch {
		case slices.Contains(known, m.Name):
		case isSecret(m.Name) && m.Node.Kind != input.Null:
			r.note(Secret, at(m), join(path, m.Name), "it is in no file here; give it to the gateway as before")
		default:
			r.note(class, at(m), join(path, m.Name), message)
		}
	}
}

// secretParts are parts of the names of fields whose values are secret.
var secretParts = []string{
	"key", "secret", "password", "token", "credential", "database_url", "connection_string", "dsn", "authorization",
	"auth_value", "headers", "environment_variables",
}

// plainNames have such a part and are no secrets.
var plainNames = []string{
	"key_ids", "max_tokens", "token_max_limit", "token_reset_duration", "key_management_system", "key_management_settings",
	"key_generation_settings", "token_limit", "max_output_tokens", "max_input_tokens", "keys", "virtual_keys",
	"user_header_name", "litellm_key_header_name", "default_key_generate_params", "upperbound_key_generate_params",
	"encryption_key_id",
}

func isSecret(name string) bool {
	lower := strings.ToLower(name)
	return lower == "value" || !slices.Contains(plainNames, lower) &&
		slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(lower, part) })
}

// at is the value of a member at the place of its name.
func at(m configfile.Member) configfile.Node {
	n := m.Node
	n.Place = m.Place
	return n
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func text(s string) configfile.Node   { return configfile.Node{Kind: input.String, Text: s} }
func number(s string) configfile.Node { return configfile.Node{Kind: input.Number, Text: s} }
func truth(b bool) configfile.Node {
	return configfile.Node{Kind: input.Bool, Text: fmt.Sprint(b)}
}

func list(items ...configfile.Node) configfile.Node {
	return configfile.Node{Kind: input.Array, Items: items}
}

func texts(all []string) configfile.Node {
	l := list()
	for _, s := range all {
		l.Items = append(l.Items, text(s))
	}
	return l
}

// object is an object of names and values in turn; values of no kind are left out.
func object(pairs ...any) configfile.Node {
	o := configfile.Node{Kind: input.Object}
	for i := 0; i < len(pairs); i += 2 {
		if value := pairs[i+1].(configfile.Node); value.Kind != input.Absent {
			o.Members = append(o.Members, configfile.Member{Name: pairs[i].(string), Node: value})
		}
	}
	return o
}
