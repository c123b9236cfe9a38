package scim

import (
	"strings"

	"tollgate/models/input"
)

// Filter is a condition on attributes: a comparison, or several filters joined.
type Filter struct {
	// Op is and, or or not, with Parts; eq, ne, co, sw, ew, gt, ge, lt or le, with Value; pr; or has, for an element
	// that Where selects.
	Op    string
	Parts []Filter
	// Attr is in lower case, with its sub-attribute after a dot. Where selects the elements of a list that are compared.
	Attr  string
	Where *Filter
	Value Value
}

// What a filter may be at most.
const (
	maxFilterBytes = 1000
	maxFilterTerms = 20
	maxFilterDepth = 10
)

var comparisons = []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}

// ParseFilter reads a filter. Refusal: InvalidFilter.
func ParseFilter(text string) (Filter, error) {
	if len(text) > maxFilterBytes {
		return Filter{}, wrongFilter("Shorten the filter to 1,000 bytes or fewer.")
	}
	p := &parser{rest: text}
	f, err := p.either(maxFilterDepth)
	if err == nil && p.peek() != "" {
		err = wrongFilter("Put and or or between comparisons.")
	}
	return f, err
}

func wrongFilter(message string) error { return refuse(InvalidFilter, "filter", message) }

// parser reads a filter, or a path, from the left.
type parser struct {
	rest  string
	terms int
}

// either reads comparisons joined by or, of which and binds more closely.
func (p *parser) either(depth int) (Filter, error) {
	return p.joined("or", func() (Filter, error) {
		return p.joined("and", func() (Filter, error) { return p.term(depth) })
	})
}

func (p *parser) joined(op string, part func() (Filter, error)) (Filter, error) {
	f, err := part()
	if err != nil || fold(p.peek()) != op {
		return f, err
	}
	all := Filter{Op: op, Parts: []Filter{f}}
	for fold(p.peek()) == op {
		p.take()
		if f, err = part(); err != nil {
			return f, err
		}
		all.Parts = append(all.Parts, f)
	}
	return all, nil
}

func (p *parser) term(depth int) (Filter, error) {
	if depth == 0 {
		return Filter{}, wrongFilter("Nest brackets at most 10 deep.")
	}
	switch word := fold(p.peek()); word {
	case "not":
		p.take()
		inner, err := p.bracketed("(", ")", depth)
		return Filter{Op: "not", Parts: []Filter{inner}}, err
	case "(":
		return p.bracketed("(", ")", depth)
	}
	if p.terms++; p.terms > maxFilterTerms {
		return Filter{}, wrongFilter("Compare at most 20 times.")
	}
	return p.comparison(depth)
}

func (p *parser) bracketed(open, end string, depth int) (Filter, error) {
	if p.take() != open {
		return Filter{}, wrongFilter("Put brackets around what is negated.")
	}
	f, err := p.either(depth - 1)
	if err == nil && p.take() != end {
		err = wrongFilter("Close every bracket.")
	}
	return f, err
}

func (p *parser) comparison(depth int) (Filter, error) {
	attr, ok := attribute(p.take())
	if !ok {
		return Filter{}, wrongFilter("Begin each comparison with the name of an attribute.")
	}
	f := Filter{Op: "has", Attr: attr}
	if p.peek() == "[" {
		where, err := p.bracketed("[", "]", depth)
		if err != nil {
			return f, err
		}
		f.Where = &where
		sub, found := strings.CutPrefix(p.peek(), ".")
		if !found {
			return f, nil
		}
		p.take()
		if f.Attr, ok = attribute(attr + "." + sub); !ok {
			return f, wrongFilter("Name an attribute after the dot.")
		}
	}
	return p.compared(f)
}

func (p *parser) compared(f Filter) (Filter, error) {
	f.Op = fold(p.take())
	if f.Op == "pr" {
		return f, nil
	}
	if !oneOf(f.Op, comparisons) {
		return f, wrongFilter("Compare with eq, ne, co, sw, ew, gt, ge, lt, le or pr.")
	}
	var ok bool
	if f.Value, ok = literal(p.take()); !ok {
		return f, wrongFilter("Compare with a text in quotes, a number, true, false or null.")
	}
	return f, storable(f.Value.Text)
}

func oneOf(word string, words []string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// literal reads what an attribute is compared with.
func literal(token string) (Value, bool) {
	switch fold(token) {
	case "true", "false":
		return boolean(fold(token) == "true"), true
	case "null":
		return Value{Kind: input.Null}, true
	}
	if text, ok := unquoted(token); ok {
		return Value{Kind: input.String, Text: text}, true
	}
	return Value{Kind: input.Number, Text: token}, isNumber(token)
}
