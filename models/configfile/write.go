package configfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"tollgate/models/input"
	"tollgate/models/money"
)

const longestLine = 100

// YAML is documents in their one form: members in their order, rows of scalars on one line where they fit, several
// lines of text as a block, and quotes around all text but harmless words.
func YAML(documents ...Node) []byte {
	var w writer
	for i := range documents {
		if i > 0 {
			w.WriteString("---\n")
		}
		w.object(&documents[i], 0)
	}
	return []byte(w.String())
}

type writer struct{ strings.Builder }

func (w *writer) object(n *Node, indent int) {
	for i := range n.Members {
		if i > 0 {
			w.indent(indent)
		}
		w.WriteString(text(n.Members[i].Name) + ":")
		w.value(&n.Members[i].Node, indent, n.Members[i].Name)
	}
}

func (w *writer) indent(n int) { w.WriteString(strings.Repeat(" ", n)) }

// value writes what follows a name.
func (w *writer) value(n *Node, indent int, name string) {
	switch {
	case isBlock(n):
		w.WriteString(" |-\n")
		for line := range strings.SplitSeq(n.Text, "\n") {
			if line != "" {
				w.indent(indent + 2)
			}
			w.WriteString(line + "\n")
		}
	case len(n.Members) == 0 && len(n.Items) == 0:
		w.WriteString(" " + row(n) + "\n")
	case isFlat(n) && indent+len(name)+2+utf8.RuneCountInString(row(n)) <= longestLine && !ofRows(n):
		w.WriteString(" " + row(n) + "\n")
	case n.Kind == input.Object:
		w.WriteString("\n")
		w.indent(indent + 2)
		w.object(n, indent+2)
	default:
		w.WriteString("\n")
		w.items(n, indent+2)
	}
}

func (w *writer) items(n *Node, indent int) {
	for i := range n.Items {
		item := &n.Items[i]
		w.indent(indent)
		w.WriteString("-")
		switch {
		case item.Kind == input.Object && len(item.Members) > 0 &&
			(!isFlat(item) || indent+2+utf8.RuneCountInString(row(item)) > longestLine):
			w.WriteString(" ")
			w.object(item, indent+2)
		case item.Kind == input.Array && !isFlat(item):
			w.WriteString("\n")
			w.items(item, indent+2)
		default:
			w.WriteString(" " + row(item) + "\n")
		}
	}
}

// isBlock reports a text that is written line by line. A block keeps neither blanks at an end nor rare characters.
func isBlock(n *Node) bool {
	if n.Kind != input.String || !strings.Contains(n.Text, "\n") {
		return false
	}
	for line := range strings.SplitSeq(n.Text, "\n") {
		if strings.Trim(line, " ") != line || strings.ContainsFunc(line, isRare) {
			return false
		}
	}
	return strings.Trim(n.Text, "\n") == n.Text
}

// isFlat reports a value without a list or an object inside its items.
func isFlat(n *Node) bool {
	scalar := func(n Node) bool { return n.Kind != input.Object && n.Kind != input.Array }
	for i := range n.Members {
		if !scalar(n.Members[i].Node) && len(n.Members[i].Node.Items)+len(n.Members[i].Node.Members) > 0 &&
			!ofScalars(&n.Members[i].Node) {
			return false
		}
	}
	return !slices.ContainsFunc(n.Items, func(n Node) bool { return !scalar(n) })
}

// ofScalars reports a list of scalars.
func ofScalars(n *Node) bool {
	return n.Kind == input.Array &&
		!slices.ContainsFunc(n.Items, func(n Node) bool { return n.Kind == input.Object || n.Kind == input.Array })
}

// ofRows reports a list of objects, which stand below each other.
func ofRows(n *Node) bool {
	return slices.ContainsFunc(n.Items, func(n Node) bool { return n.Kind == input.Object })
}

// Row is a value on one line.
func Row(n Node) string { return row(&n) }

// row is a value on one line.
func row(n *Node) string {
	switch n.Kind {
	case input.Object:
		parts := make([]string, len(n.Members))
		for i := range n.Members {
			parts[i] = text(n.Members[i].Name) + ": " + row(&n.Members[i].Node)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case input.Array:
		parts := make([]string, len(n.Items))
		for i := range n.Items {
			parts[i] = row(&n.Items[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case input.String:
		return text(n.Text)
	case input.Null:
		return "null"
	}
	return n.Text
}

// harmless matches words that YAML reads as themselves, wherever they stand.
var harmless = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9][A-Za-z0-9_./-]*)*[.!]?$|^[0-9]+[A-Za-z]$`)

// reserved are words that some reader of YAML takes for something other than text.
var reserved = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}

func text(s string) string {
	if harmless.MatchString(s) && !slices.Contains(reserved, strings.ToLower(s)) && !money.IsJSONNumber(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c > 0xffff && isRare(c):
			fmt.Fprintf(&b, `\U%08X`, c)
		case isRare(c):
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isRare reports characters that are written as escapes: unseen ones, and those that readers take for line ends.
func isRare(c rune) bool {
	return c < ' ' || c == '\x7f' || c >= 0x80 && c <= 0xa0 || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
		c >= 0xfff0 && c <= 0xffff || c >= 0xd800 && c <= 0xdfff
}
