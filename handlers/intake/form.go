package intake

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxPairs = 10_000

// anyBytes are the fields that hold passwords, which are taken as they are.
var anyBytes = map[string]bool{"password": true, "current_password": true, "new_password": true}

// rowKey is what names a repeated row of a form, wherever it stands: removing one renames no neighbour.
var rowKey = regexp.MustCompile(`^[a-z][0-9]{1,4}$`)

// parseForm reads a form body into a tree: budgets[b2].max_limit is a member of row b2 of budgets, rows in order of
// appearance. It returns what it could read even when something is refused, so that nothing typed is lost; the rest is
// among the problems.
func (b *Binder) parseForm(body []byte) Node {
	root := Node{typed: true}
	if strings.Count(string(body), "&") >= maxPairs {
		b.refuse("", "too_many_fields", "Send at most 10000 fields.")
		return root
	}
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		steps, ok := steps(name)
		switch {
		case nameErr != nil, valueErr != nil, strings.Contains(pair, ";"):
			b.refuse("", "invalid_form", "Send the form URL-encoded, with & between fields.")
			continue
		case !utf8.ValidString(name):
			b.refuse("", "invalid_utf8", "Send the form in UTF-8.")
			continue
		case !ok:
			b.refuse(name, "unknown_field", "Leave out "+strconv.Quote(name)+"; it is not a field here.")
			continue
		case anyBytes[name]:
		case !utf8.ValidString(value):
			b.refuse(name, "invalid_utf8", "Send the form in UTF-8.")
			value = strings.ToValidUTF8(value, "\uFFFD") // the rest of it comes back
		case strings.ContainsRune(value, 0):
			b.refuse(name, "nul_character", "Remove the NUL character.")
			value = strings.ReplaceAll(value, "\x00", "")
		}
		if !anyBytes[name] {
			value = strings.ReplaceAll(value, "\r\n", "\n")
		}
		leaf := &root
		for _, step := range steps {
			leaf = leaf.child(step)
		}
		leaf.values = append(leaf.values, value)
	}
	return root
}

// steps splits a[b1].c into a, [b1] and c.
func steps(name string) ([]string, bool) {
	var steps []string
	for part := range strings.SplitSeq(name, ".") {
		field, key, keyed := strings.Cut(part, "[")
		if field == "" {
			return nil, false
		}
		steps = append(steps, field)
		if keyed {
			key, closed := strings.CutSuffix(key, "]")
			if !closed || !rowKey.MatchString(key) {
				return nil, false
			}
			steps = append(steps, "["+key+"]")
		}
	}
	return steps, len(steps) <= maxDepth
}

// child returns the member with that name, added at the end when it is new.
func (n *Node) child(name string) *Node {
	for i := range n.Members {
		if n.Members[i].Name == name {
			return &n.Members[i].Node
		}
	}
	n.Members = append(n.Members, member{name, Node{typed: true}})
	return &n.Members[len(n.Members)-1].Node
}
