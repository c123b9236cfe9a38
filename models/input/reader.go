package input

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tollgate/models/money"
	"tollgate/models/problem"
)

// Reader collects what is wrong with an input, field by field in schema order.
type Reader struct{ Problems problem.Problems }

// Add adds a problem.
func (c *Reader) Add(field, code, message string) {
	c.Problems = append(c.Problems, problem.Problem{Field: field, Code: code, Message: message})
}

// TextRule says what a piece of text must be like.
type TextRule struct {
	What     string // how a sentence names the field: "a name"
	Max      int    // characters
	Newlines bool
	Exact    bool // an identifier: never trimmed
}

// MaxReason is how long a reason that is asked for may be.
const MaxReason = 500

// Text reads a string; ok is false when it is absent, null or wrong, and then a problem was added unless it was
// absent.
func (c *Reader) Text(field string, v Value, rule TextRule) (text string, ok bool) {
	switch v.Kind {
	case Absent:
		return "", false
	case Null:
		c.Add(field, "null_not_allowed", "Give "+rule.What+" instead of null.")
		return "", false
	case String:
	default:
		c.Add(field, "wrong_type", "Give "+rule.What+" as text.")
		return "", false
	}
	text = v.Text
	if !rule.Exact {
		text = Tidy(text)
	}
	if rule.Newlines {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	switch {
	case text == "":
		c.Add(field, "required", "Enter "+rule.What+".")
	case !Legible(text, rule.Newlines):
		c.Add(field, "invalid_characters", "Remove invisible or control characters from "+the(rule.What)+".")
	case utf8.RuneCountInString(text) > rule.Max:
		c.Add(field, "too_long", "Shorten "+the(rule.What)+" to "+strconv.Itoa(rule.Max)+" characters or fewer.")
	default:
		return text, true
	}
	return "", false
}

// Required reports a field that was left out.
func (c *Reader) Required(field string, v Value, what string) {
	if v.Kind == Absent {
		c.Add(field, "required", "Enter "+what+".")
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

// Bool reads true or false; ok is false when it is absent or wrong.
func (c *Reader) Bool(field string, v Value) (truth, ok bool) {
	switch {
	case v.Kind == Absent:
		return false, false
	case v.Kind == Null:
		c.Add(field, "null_not_allowed", "Choose true or false instead of null.")
	case v.Kind == Bool, v.FromForm && (v.Text == "true" || v.Text == "false"):
		return v.Text == "true", true
	default:
		c.Add(field, "wrong_type", "Choose true or false.")
	}
	return false, false
}

// MaxCount is the largest count that a JSON client can read back exactly.
const MaxCount = 1<<53 - 1

// Int reads a whole number between low and high; ok is false when it is absent, null or wrong. The caller handles
// null.
func (c *Reader) Int(field string, v Value, what string, low, high int64) (n int64, ok bool) {
	switch {
	case v.Kind == Absent, v.Kind == Null:
		return 0, false
	case v.Kind == Number, v.FromForm && money.IsJSONNumber(strings.TrimSpace(v.Text)):
	default:
		c.Add(field, "wrong_type", "Enter "+what+" as a whole number in digits only, such as 1000.")
		return 0, false
	}
	literal := strings.TrimSpace(v.Text)
	if strings.ContainsAny(literal, ".eE") {
		c.Add(field, "not_an_integer", "Enter "+what+" as a whole number without decimals or exponent.")
		return 0, false
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	if err != nil || n < low || n > high {
		c.Add(
			field, "number_out_of_range",
			"Enter "+what+" between "+strconv.FormatInt(low, 10)+" and "+strconv.FormatInt(high, 10)+".",
		)
		return 0, false
	}
	return n, true
}

// Choice reads one of the allowed words; an unknown word gets the code given.
func (c *Reader) Choice(field string, v Value, code, message string, allowed []string) (word string, ok bool) {
	switch v.Kind {
	case Absent:
		c.Add(field, "required", message)
	case Null:
		c.Add(field, "null_not_allowed", message)
	case String:
		for _, word := range allowed {
			if v.Text == word {
				return word, true
			}
		}
		c.Add(field, code, message)
	default:
		c.Add(field, "wrong_type", message)
	}
	return "", false
}

// CheckList reports a list that is null, no list, or too long; it returns whether its items can be read.
func CheckList[T any](c *Reader, field string, l List[T], max int, what string) bool {
	switch {
	case l.Kind == Absent:
		return false
	case l.Kind == Null:
		c.Add(field, "null_not_allowed", "Give a list of "+what+" instead of null; [] clears it.")
	case l.Kind != Array:
		c.Add(field, "wrong_type", "Give a list of "+what+".")
	case len(l.Items) > max:
		c.Add(field, "too_many_items", "Give at most "+strconv.Itoa(max)+" "+what+".")
	default:
		return true
	}
	return false
}

// Object reports an item that is null or no object; it returns whether its fields can be read.
func (c *Reader) Object(field string, kind Kind, what string) bool {
	switch kind {
	case Object:
		return true
	case Null:
		c.Add(field, "null_not_allowed", "Give "+what+" instead of null.")
	default:
		c.Add(field, "wrong_type", "Give "+what+" as an object.")
	}
	return false
}

// Index is the path of an item of a list.
func Index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
