package configfile

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"tollgate/models/input"
)

// Place is where something stands. A line and a column of 0 mean the whole file.
type Place struct {
	File         string
	Line, Column int
}

// String is the place as editors read it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Node is a value of a file.
type Node struct {
	Kind    input.Kind
	Text    string // a text, a number's literal, "true" or "false"
	Members []Member
	Items   []Node
	Place   Place
}

// Member is a member of an object, with the place of its name.
type Member struct {
	Name  string
	Place Place
	Node  Node
}

// Problem is one thing wrong in the files.
type Problem struct {
	Place
	Code, Message string
}

// String is the problem in one line.
func (p Problem) String() string { return p.Place.String() + ": " + p.Message + " (" + p.Code + ")" }

// Get is the member with a name.
func (n *Node) Get(name string) (Node, bool) {
	for i := range n.Members {
		if n.Members[i].Name == name {
			return n.Members[i].Node, true
		}
	}
	return Node{}, false
}

// Find is the place of a path such as budgets[0].max_limit: of its name in an object, of an item in a list. Where the
// path leads to nothing, it is the place of what should hold it.
func (n *Node) Find(path string) Place {
	at, place := n, n.Place
	for path != "" {
		var next *Node
		if next, place, path = at.step(path, place); next == nil {
			break
		}
		at = next
	}
	return place
}

// step follows the first part of a path; next is nil where there is no such part.
func (n *Node) step(path string, here Place) (next *Node, place Place, rest string) {
	if index, after, listed := strings.Cut(strings.TrimPrefix(path, "["), "]"); listed && path[0] == '[' {
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= len(n.Items) {
			return nil, here, ""
		}
		return &n.Items[i], n.Items[i].Place, strings.TrimPrefix(after, ".")
	}
	for i := range n.Members {
		m := &n.Members[i]
		after, found := strings.CutPrefix(path, m.Name)
		if found && (after == "" || after[0] == '.' || after[0] == '[') {
			return &m.Node, m.Place, strings.TrimPrefix(after, ".")
		}
	}
	return nil, here, ""
}

// AppendJSON appends the value as compact JSON, its members in their order.
func (n *Node) AppendJSON(to []byte) []byte {
	switch n.Kind {
	case input.Object:
		to = append(to, '{')
		for i := range n.Members {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(appendText(to, n.Members[i].Name), ':')
			to = n.Members[i].Node.AppendJSON(to)
		}
		return append(to, '}')
	case input.Array:
		to = append(to, '[')
		for i := range n.Items {
			if i > 0 {
				to = append(to, ',')
			}
			to = n.Items[i].AppendJSON(to)
		}
		return append(to, ']')
	case input.String:
		return appendText(to, n.Text)
	}
	return append(to, cmp.Or(n.Text, "null")...)
}

func appendText(to []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // text always encodes
	return append(to, quoted...)
}
