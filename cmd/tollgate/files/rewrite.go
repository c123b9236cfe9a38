package files

import (
	"errors"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

var errShape = errors.New("its fields do not stand on lines of their own")

// rewrite replaces the lines of the fields that differ in the document with a number; ok is false for a document whose
// fields share lines, and where the lines that were written would not be read as they were meant.
func rewrite(content []byte, number int, document, form, now configfile.Node) (written []byte, ok bool) {
	lines, end := linesOf(string(content))
	spans, err := fieldLines(lines, document)
	if err != nil {
		return content, false
	}
	last := len(lines)
	for i := len(document.Members) - 1; i >= 0; i-- {
		m := document.Members[i]
		was, _ := form.Get(m.Name)
		is, there := now.Get(m.Name)
		span := spans[i]
		if i == len(document.Members)-1 {
			last = span[1]
		}
		var fresh []string
		switch {
		case m.Name == "kind" || m.Name == "renamed_from" || string(was.AppendJSON(nil)) == string(is.AppendJSON(nil)):
			continue
		case there:
			fresh = []string{fieldText(m.Name, is, end)}
		}
		lines = slices.Replace(lines, span[0], span[1], fresh...)
		last += len(fresh) - (span[1] - span[0])
	}
	for _, m := range now.Members {
		if _, there := document.Get(m.Name); !there {
			lines = slices.Insert(lines, last, fieldText(m.Name, m.Node, end))
			last++
		}
	}
	text := strings.Join(lines, "")
	if !strings.HasSuffix(string(content), "\n") {
		text = strings.TrimSuffix(text, end)
	}
	if !means(text, string(content), number, now) {
		return content, false
	}
	return []byte(text), true
}

// linesOf are the lines of a file, each with its end, which the last one may lack in the file.
func linesOf(content string) (lines []string, end string) {
	end = "\n"
	if strings.Contains(content, "\r\n") {
		end = "\r\n"
	}
	if !strings.HasSuffix(content, "\n") {
		content += end
	}
	return strings.SplitAfter(content, "\n"), end
}

// means reports that a text has the documents of another one, but for the one with a number, which says what it is to.
func means(text, other string, number int, now configfile.Node) bool {
	written, before := configfile.Parse("", []byte(text)), configfile.Parse("", []byte(other))
	if len(written.Problems) > 0 || len(written.Documents) != len(before.Documents) {
		return false
	}
	for i, document := range written.Documents {
		is, want := said(document), said(before.Documents[i])
		if i == number {
			is, want = said(formOf(document)), said(now)
		}
		if is != want {
			return false
		}
	}
	return true
}

// said is what a document says of its resource, but for the name that it had.
func said(document configfile.Node) string {
	document.Members = slices.DeleteFunc(slices.Clone(document.Members), func(m configfile.Member) bool {
		return m.Name == "renamed_from"
	})
	return string(document.AppendJSON(nil))
}

// fieldText is a field as the writer writes it.
func fieldText(name string, value configfile.Node, end string) string {
	text := configfile.YAML(configfile.Node{
		Kind: input.Object, Members: []configfile.Member{{Name: name, Node: value}},
	})
	return strings.ReplaceAll(string(text), "\n", end)
}

// fieldLines are the lines that each field of a document has: from its name up to the next field, without the blank
// lines and comments before that one.
func fieldLines(lines []string, document configfile.Node) (spans [][2]int, err error) {
	for i, m := range document.Members {
		from := m.Place.Line - 1
		least := max(from+1, scalarEnd(lines, m.Node))
		to := len(lines)
		if i+1 < len(document.Members) {
			to = document.Members[i+1].Place.Line - 1
		} else {
			for n := least; n < len(lines); n++ {
				if strings.HasPrefix(lines[n], "---") || strings.HasPrefix(lines[n], "...") {
					to = n
					break
				}
			}
		}
		if m.Place.Column != 1 || to <= from {
			return nil, errShape
		}
		for to > least {
			line := strings.TrimSpace(lines[to-1])
			if line != "" && !strings.HasPrefix(line, "#") {
				break
			}
			to--
		}
		spans = append(spans, [2]int{from, to})
	}
	return spans, nil
}

// scalarEnd is the line after the last scalar of a value, whose own lines can look like comments.
func scalarEnd(lines []string, n configfile.Node) int {
	for len(n.Members)+len(n.Items) > 0 {
		if len(n.Items) > 0 {
			n = n.Items[len(n.Items)-1]
		} else {
			n = n.Members[len(n.Members)-1].Node
		}
	}
	first := n.Place.Line - 1
	if first < 0 || first >= len(lines) {
		return 0
	}
	line := []rune(lines[first])
	if n.Kind != input.String || n.Place.Column > len(line) {
		return first + 1
	}
	rest := string(line[n.Place.Column:])
	switch style := line[n.Place.Column-1]; style {
	case '|', '>':
		return blockEnd(lines, first, rest, n.Text, style == '|')
	case '"', '\'':
		return first + quotedLines(rest+strings.Join(lines[first+1:], ""), byte(style))
	}
	return first + 1
}

// blockEnd is the line after a block of text, whose header ends with rest. A literal block has a line for each of its
// text; the lines of a folded one are indented as its first is, or at all where the header says how far.
func blockEnd(lines []string, first int, rest, text string, literal bool) int {
	text = strings.TrimRight(text, "\n")
	end := first + 1
	switch {
	case text == "":
		return end
	case literal:
		return end + 1 + strings.Count(text, "\n")
	}
	indent := 0
	if mark, _, _ := strings.Cut(rest, "#"); strings.ContainsAny(mark, "123456789") {
		indent = 1
	}
	for n := first + 1; n < len(lines); n++ {
		line := strings.TrimSpace(lines[n])
		deep := len(lines[n]) - len(strings.TrimLeft(lines[n], " "))
		if line != "" && indent == 0 {
			indent = max(deep, 1)
		}
		if line != "" && deep < indent {
			break
		}
		if line != "" {
			end = n + 1
		}
	}
	return end
}

// quotedLines are the lines that a text has up to the quote that ends it.
func quotedLines(rest string, quote byte) int {
	for i := 0; i < len(rest); i++ {
		switch {
		case quote == '"' && rest[i] == '\\':
			i++
		case quote == '\'' && strings.HasPrefix(rest[i:], "''"):
			i++
		case rest[i] == quote:
			return 1 + strings.Count(rest[:i], "\n")
		}
	}
	return 1
}
