package configfile

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"tollgate/models/input"
	"tollgate/models/money"
)

const maxDepth = 16

// reader reads one file.
type reader struct {
	file     string
	problems []Problem
	comments bool // it has comments
}

func (r *reader) refuse(line, column int, code, message string) {
	r.problems = append(r.problems, Problem{Place{r.file, line, column}, code, message})
}

// readYAML reads the documents of a file.
func (r *reader) readYAML(content []byte) (documents []Node) {
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithV4Defaults(), yaml.WithUniqueKeys(false))
	if err != nil {
		r.refuse(0, 0, "invalid_yaml", "Write valid YAML: "+err.Error()+".")
		return nil
	}
	for {
		var n yaml.Node
		switch err := loader.Load(&n); {
		case errors.Is(err, io.EOF):
			return documents
		case err != nil:
			r.broken(content, err)
			return documents
		}
		r.noteComments(&n)
		if n.Kind != yaml.DocumentNode || len(n.Content) != 1 || blank(n.Content[0]) {
			continue
		}
		documents = append(documents, r.node(n.Content[0], 1))
	}
}

// blank reports a document without content.
func blank(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == "" && n.Anchor == ""
}

// broken reports text that is no YAML.
func (r *reader) broken(content []byte, err error) {
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		r.refuse(0, 0, "invalid_yaml", "Write valid YAML: "+err.Error()+".")
		return
	}
	line, column := max(at.Mark.Line, 1), max(at.Mark.Column, 1)
	lines := strings.Split(string(content), "\n")
	if line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t") {
		r.refuse(line, strings.IndexByte(lines[line-1], '\t')+1, "tab", "Indent with spaces: YAML takes no tabs there.")
		return
	}
	r.refuse(line, column, "invalid_yaml", "Write valid YAML: "+at.Message+".")
}

func (r *reader) noteComments(n *yaml.Node) {
	r.comments = r.comments || n.HeadComment != "" || n.LineComment != "" || n.FootComment != ""
	for _, child := range n.Content {
		r.noteComments(child)
	}
}

// node reads a value; what is refused is read as null.
func (r *reader) node(y *yaml.Node, depth int) Node {
	n := Node{Kind: input.Null, Place: Place{r.file, y.Line, y.Column}}
	switch {
	case y.Kind == yaml.AliasNode:
		r.refuse(y.Line, y.Column, "alias", "Write the value out: aliases such as *"+y.Value+" are not read.")
		return n
	case y.Anchor != "":
		r.refuse(y.Line, y.Column, "anchor", "Leave out the anchor &"+y.Anchor+": anchors are not read.")
		return n
	case y.Style&yaml.TaggedStyle != 0, y.Tag == "!":
		r.refuse(y.Line, y.Column, "tag", "Leave out the tag "+y.Tag+": tags are not read.")
		return n
	case depth > maxDepth:
		r.refuse(y.Line, y.Column, "too_deep", "Nest objects and lists at most 16 deep.")
		return n
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.Kind, n.Members = input.Object, r.members(y, depth)
	case yaml.SequenceNode:
		n.Kind = input.Array
		for _, item := range y.Content {
			n.Items = append(n.Items, r.node(item, depth+1))
		}
	case yaml.ScalarNode:
		n.Kind, n.Text = scalar(y)
	}
	return n
}

func (r *reader) members(y *yaml.Node, depth int) (members []Member) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		name := r.node(key, depth+1)
		switch {
		case key.Kind == yaml.ScalarNode && key.Style == 0 && key.Value == "<<":
			r.refuse(key.Line, key.Column, "merge_key", "Write the fields out: merge keys are not read.")
			continue
		case key.Kind == yaml.ScalarNode && seen[key.Value]:
			r.refuse(key.Line, key.Column, "duplicate_key", "Give "+key.Value+" once.")
			continue
		case key.Kind != yaml.ScalarNode && key.Kind != yaml.AliasNode:
			r.refuse(key.Line, key.Column, "invalid_key", "Give the field's name as text.")
			continue
		}
		seen[key.Value] = true
		members = append(members, Member{key.Value, name.Place, r.node(y.Content[i+1], depth+1)})
	}
	return members
}

// scalar is the value of a scalar. Only what is not quoted can be other than text.
func scalar(y *yaml.Node) (kind input.Kind, text string) {
	switch {
	case y.Style != 0:
	case y.Value == "", y.Value == "~", y.Value == "null":
		return input.Null, ""
	case y.Value == "true", y.Value == "false":
		return input.Bool, y.Value
	case money.IsJSONNumber(y.Value):
		return input.Number, y.Value
	}
	return input.String, y.Value
}

// decoded is the text of a file without the mark of its encoding.
func (r *reader) decoded(content []byte) ([]byte, bool) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if utf8.Valid(content) {
		return content, true
	}
	at := 0
	for at < len(content) {
		c, size := utf8.DecodeRune(content[at:])
		if c == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	before := content[:at]
	line := bytes.Count(before, []byte("\n"))
	r.refuse(line+1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])+1, "invalid_utf8", "Save the file in UTF-8.")
	return nil, false
}
