package models

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// checker collects what is wrong with an input, field by field in schema order.
type checker struct{ found Problems }

func (c *checker) add(field, code, message string) {
	c.found = append(c.found, Problem{field, code, message})
}

// textRule says what a piece of text must be like.
type textRule struct {
	what     string // how a sentence names the field: "a name"
	max      int    // characters
	newlines bool
	exact    bool // an identifier: never trimmed
}

// text reads a string; ok is false when it is absent, null or wrong, and then a problem has been noted unless it was left out.
func (c *checker) text(field string, v Value, rule textRule) (text string, ok bool) {
	switch v.Kind {
	case Absent:
		return "", false
	case Null:
		c.add(field, "null_not_allowed", "Give "+rule.what+" instead of null.")
		return "", false
	case String:
	default:
		c.add(field, "wrong_type", "Give "+rule.what+" as text.")
		return "", false
	}
	text = v.Text
	if !rule.exact {
		text = tidy(text)
	}
	if rule.newlines {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	switch {
	case text == "":
		c.add(field, "required", "Enter "+rule.what+".")
	case !legible(text, rule.newlines):
		c.add(field, "invalid_characters", "Remove invisible or control characters from "+the(rule.what)+".")
	case utf8.RuneCountInString(text) > rule.max:
		c.add(field, "too_long", "Shorten "+the(rule.what)+" to "+strconv.Itoa(rule.max)+" characters or fewer.")
	default:
		return text, true
	}
	return "", false
}

// required notes a field that was left out.
func (c *checker) required(field string, v Value, what string) {
	if v.Kind == Absent {
		c.add(field, "required", "Enter "+what+".")
	}
}

func the(what string) string {
	for _, article := range []string{"a ", "an "} {
		if rest, ok := strings.CutPrefix(what, article); ok {
			return "the " + rest
		}
	}
	return what
}

// truth reads true or false; ok is false when it is absent or wrong.
func (c *checker) truth(field string, v Value) (truth, ok bool) {
	switch {
	case v.Kind == Absent:
		return false, false
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Choose true or false instead of null.")
	case v.Kind == Bool, v.Typed && (v.Text == "true" || v.Text == "false"):
		return v.Text == "true", true
	default:
		c.add(field, "wrong_type", "Choose true or false.")
	}
	return false, false
}

// MaxCount is the largest count that a JSON client can read back exactly.
const MaxCount = 1<<53 - 1

// count reads a whole number between low and high; ok is false when it is absent, null or wrong. Null is the caller's to judge.
func (c *checker) count(field string, v Value, what string, low, high int64) (n int64, ok bool) {
	switch {
	case v.Kind == Absent, v.Kind == Null:
		return 0, false
	case v.Kind == Number, v.Typed && isJSONNumber(strings.TrimSpace(v.Text)):
	default:
		c.add(field, "wrong_type", "Enter "+what+" as a whole number in digits only, such as 1000.")
		return 0, false
	}
	literal := strings.TrimSpace(v.Text)
	if strings.ContainsAny(literal, ".eE") {
		c.add(field, "not_an_integer", "Enter "+what+" as a whole number without decimals or exponent.")
		return 0, false
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	if err != nil || n < low || n > high {
		c.add(field, "number_out_of_range", "Enter "+what+" between "+strconv.FormatInt(low, 10)+" and "+strconv.FormatInt(high, 10)+".")
		return 0, false
	}
	return n, true
}

// choice reads one of the words allowed; a word of the wrong spelling gets the code given.
func (c *checker) choice(field string, v Value, code, message string, allowed []string) (word string, ok bool) {
	switch v.Kind {
	case Absent:
		c.add(field, "required", message)
	case Null:
		c.add(field, "null_not_allowed", message)
	case String:
		for _, word := range allowed {
			if v.Text == word {
				return word, true
			}
		}
		c.add(field, code, message)
	default:
		c.add(field, "wrong_type", message)
	}
	return "", false
}

// list notes a list that is null, no list, or too long; it returns whether its items are worth reading.
func list[T any](c *checker, field string, l List[T], max int, what string) bool {
	switch {
	case l.Kind == Absent:
		return false
	case l.Kind == Null:
		c.add(field, "null_not_allowed", "Give a list of "+what+" instead of null; [] clears it.")
	case l.Kind != Array:
		c.add(field, "wrong_type", "Give a list of "+what+".")
	case len(l.Items) > max:
		c.add(field, "too_many_items", "Give at most "+strconv.Itoa(max)+" "+what+".")
	default:
		return true
	}
	return false
}

// object notes an item that is null or no object; it returns whether its fields are worth reading.
func (c *checker) object(field string, kind Kind, what string) bool {
	switch kind {
	case Object:
		return true
	case Null:
		c.add(field, "null_not_allowed", "Give "+what+" instead of null.")
	default:
		c.add(field, "wrong_type", "Give "+what+" as an object.")
	}
	return false
}

// at is the path of an item of a list.
func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
