package intake

import (
	"strings"
	"unicode/utf8"

	"tollgate/models/input"
)

// maxMembers is how many members of an object are compared with each other one by one.
const maxMembers = 32

// usualMembers is how many most objects have.
const usualMembers = 6

// fastReader reads JSON as programs usually write it, in one pass and almost without memory. It gives up on
// everything it is not sure of, right or wrong: parseAny then decides.
type fastReader struct {
	text string
	next int
}

// readFast reads one JSON object; ok is false when parseAny has to.
func readFast(body []byte) (n Node, ok bool) {
	if !utf8.Valid(body) {
		return n, false
	}
	r := fastReader{text: string(body)}
	r.space()
	if r.peek() != '{' || !r.value(&n, maxDepth) {
		return n, false
	}
	r.space()
	return n, r.next == len(r.text)
}

// peek is the next character, 0 at the end.
func (r *fastReader) peek() byte {
	if r.next < len(r.text) {
		return r.text[r.next]
	}
	return 0
}

func (r *fastReader) space() {
	for r.next < len(r.text) {
		switch r.text[r.next] {
		case ' ', '\t', '\r', '\n':
			r.next++
		default:
			return
		}
	}
}

// take steps over what has to come next.
func (r *fastReader) take(word string) bool {
	if !strings.HasPrefix(r.text[r.next:], word) {
		return false
	}
	r.next += len(word)
	return true
}

// value reads the value that begins here into n; depth is how many objects and lists may nest.
func (r *fastReader) value(n *Node, depth int) (ok bool) {
	switch r.peek() {
	case '{':
		n.Kind = input.Object
		return depth > 0 && r.object(n, depth-1)
	case '[':
		n.Kind = input.Array
		return depth > 0 && r.list(n, depth-1)
	case '"':
		n.Kind = input.String
		n.Text, ok = r.quoted()
		return ok
	case 't':
		n.Kind, n.Text = input.Bool, "true"
		return r.take("true")
	case 'f':
		n.Kind, n.Text = input.Bool, "false"
		return r.take("false")
	case 'n':
		n.Kind = input.Null
		return r.take("null")
	}
	n.Kind = input.Number
	n.Text, ok = r.number()
	return ok
}

// quoted reads text without escapes.
func (r *fastReader) quoted() (string, bool) {
	if !r.take(`"`) {
		return "", false
	}
	for i := r.next; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			text := r.text[r.next:i]
			r.next = i + 1
			return text, true
		case c < ' ' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// number reads a number without an exponent.
func (r *fastReader) number() (string, bool) {
	begin := r.next
	r.take("-")
	if whole := r.digits(); whole == 0 || whole > 1 && r.text[r.next-whole] == '0' {
		return "", false
	}
	if r.take(".") && r.digits() == 0 {
		return "", false
	}
	return r.text[begin:r.next], true
}

func (r *fastReader) digits() (n int) {
	for ; r.peek() >= '0' && r.peek() <= '9'; n++ {
		r.next++
	}
	return n
}

func (r *fastReader) list(n *Node, depth int) bool {
	r.next++
	if r.space(); r.take("]") {
		return true
	}
	for len(n.Items) < maxItems {
		n.Items = append(n.Items, Node{})
		r.space()
		if !r.value(&n.Items[len(n.Items)-1], depth) {
			return false
		}
		if r.space(); r.take("]") {
			return true
		}
		if !r.take(",") {
			return false
		}
	}
	return false
}

func (r *fastReader) object(n *Node, depth int) bool {
	r.next++
	if r.space(); r.take("}") {
		return true
	}
	n.Members = make([]member, 0, usualMembers)
	for len(n.Members) < maxMembers {
		r.space()
		name, ok := r.quoted()
		if !ok || HasMember(n.Members, name) {
			return false
		}
		if r.space(); !r.take(":") {
			return false
		}
		n.Members = append(n.Members, member{Name: name}) // filled in place: it would be copied otherwise
		if r.space(); !r.value(&n.Members[len(n.Members)-1].Node, depth) {
			return false
		}
		if r.space(); r.take("}") {
			return true
		}
		if !r.take(",") {
			return false
		}
	}
	return false
}

// HasMember reports whether one of the members has a name.
func HasMember(members []member, name string) bool {
	for i := range members {
		if members[i].Name == name {
			return true
		}
	}
	return false
}
