package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/unicode/norm"

	"tollgate/models/input"
	"tollgate/models/problem"
)

const (
	defaultLimit = 25
	maxLimit     = 100
	maxSearch    = 255
)

// query is the query string of a list. Each reader notes what is wrong; ask err once all have read, so that every
// problem is reported at once.
type query struct {
	names    []string // of those sent with a value, in the order of appearance
	values   map[string]string
	problems problem.Problems
}

// readQuery reads the parameters named, each at most once and none besides; an empty one counts as absent.
func readQuery(c *gin.Context, allowed ...string) *query {
	q := &query{values: map[string]string{}}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(c.Request.URL.RawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		switch {
		case nameErr != nil, valueErr != nil, strings.Contains(pair, ";"):
			q.refuse("", "invalid_query", "Send the query URL-encoded, with & between parameters.")
		case !utf8.ValidString(name), !utf8.ValidString(value):
			q.refuse("", "invalid_utf8", "Send the query in UTF-8.")
		case strings.ContainsRune(name, 0):
			q.refuse("", "nul_character", "Remove the NUL character.")
		case !slices.Contains(allowed, name):
			q.refuse(name, "unknown_parameter", "Leave out "+strconv.Quote(name)+"; it is not a parameter here.")
		case seen[name]:
			q.refuse(name, "duplicate_parameter", "Send "+name+" once.")
		case strings.ContainsRune(value, 0):
			q.refuse(name, "nul_character", "Remove the NUL character.")
		case value != "":
			q.names = append(q.names, name)
			q.values[name] = value
		}
		seen[name] = true
	}
	return q
}

func (q *query) refuse(name, code, message string) {
	q.problems = append(q.problems, problem.Problem{Field: name, Code: code, Message: message})
}

// err is the refusal of everything found wrong so far, or nil.
func (q *query) err() error {
	if len(q.problems) == 0 {
		return nil
	}
	return &problem.Refusal{Reason: problem.Unreadable, Problems: q.problems}
}

// get returns a parameter's value, "" when it was left out.
func (q *query) get(name string) string { return q.values[name] }

// page reads limit and offset.
func (q *query) page() (limit, offset int64) {
	return q.number("limit", defaultLimit, 1, maxLimit), q.number("offset", 0, 0, 1<<63-1)
}

func (q *query) number(name string, absent, low, high int64) int64 {
	text, sent := q.values[name]
	if !sent {
		return absent
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !rowID.MatchString(text) || n < low || n > high {
		q.refuse(name, "number_out_of_range",
			"Send "+name+" as a whole number between "+strconv.FormatInt(low, 10)+" and "+strconv.FormatInt(high, 10)+".")
		return absent
	}
	return n
}

// typed is a parameter that a user typed, without the spaces around it.
func (q *query) typed(name string) string { return strings.TrimSpace(q.values[name]) }

// search reads the text to look for, composed as what is stored is.
func (q *query) search() string {
	text := norm.NFC.String(q.typed("search"))
	if utf8.RuneCountInString(text) > maxSearch {
		q.refuse("search", "too_long", "Shorten the search to "+strconv.Itoa(maxSearch)+" characters or fewer.")
		return ""
	}
	return text
}

// boolean reads a parameter that is true or false; nil when it was left out.
func (q *query) boolean(name string) *bool {
	text, sent := q.values[name]
	if !sent {
		return nil
	}
	if text != "true" && text != "false" {
		q.refuse(name, "wrong_type", "Send "+name+" as true or false.")
		return nil
	}
	truth := text == "true"
	return &truth
}

// link is the query string of the same list with parameters changed, each a name and a value, or dropped by ""; a
// change of anything else goes back to the first page.
func (q *query) link(pairs ...string) string {
	values := url.Values{}
	for _, sent := range q.names {
		if sent != "offset" {
			values.Set(sent, q.values[sent])
		}
	}
	for pair := range slices.Chunk(pairs, 2) {
		if values.Set(pair[0], pair[1]); pair[1] == "" {
			values.Del(pair[0])
		}
	}
	return "?" + values.Encode()
}

// sort reads the order of a list: one of the names allowed, which sort upwards, or the same with a leading "-".
func (q *query) sort(allowed []string) string {
	text, sent := q.values["sort"]
	if !sent {
		return allowed[0]
	}
	if !slices.Contains(allowed, strings.TrimPrefix(text, "-")) || strings.HasPrefix(text, "--") {
		q.refuse("sort", "invalid_sort", "Sort by "+input.Either(allowed)+", each also with a leading -.")
		return allowed[0]
	}
	return text
}

// tags reads a list of tags between commas.
func (q *query) tags() []string {
	var tags []string
	for tag := range strings.SplitSeq(q.values["tags"], ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

func encoded(name, value string) string { return url.Values{name: {value}}.Encode() }
