package intake

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/unicode/norm"

	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
)

const (
	defaultLimit = 25
	// MaxLimit is how many rows a page of a list may have.
	MaxLimit  = 100
	maxSearch = 255
)

// Query is the query string of a list. Each reader records its problem; call Err after all of them, so that every
// problem is reported at once.
type Query struct {
	Names    []string // the parameters sent with a value, in their order
	values   map[string]string
	Problems problem.Problems
	Path     string // of the list, when a page shows it at another address
}

// ReadQuery reads the parameters named, each at most once; an empty one counts as absent. The API refuses unknown
// parameters; a page ignores them, because other programs append some to addresses.
func ReadQuery(c *gin.Context, allowed ...string) *Query {
	q := &Query{values: map[string]string{}}
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
			q.Refuse("", "invalid_query", "Send the query URL-encoded, with & between parameters.")
		case !utf8.ValidString(name), !utf8.ValidString(value):
			q.Refuse("", "invalid_utf8", "Send the query in UTF-8.")
		case strings.ContainsRune(name, 0):
			q.Refuse("", "nul_character", "Remove the NUL character.")
		case !slices.Contains(allowed, name) && !reqctx.IsAPI(c):
			continue
		case !slices.Contains(allowed, name):
			q.Refuse(name, "unknown_parameter", "Leave out "+strconv.Quote(name)+"; it is not a parameter here.")
		case seen[name]:
			q.Refuse(name, "duplicate_parameter", "Send "+name+" once.")
		case strings.ContainsRune(value, 0):
			q.Refuse(name, "nul_character", "Remove the NUL character.")
		case value != "":
			q.Names = append(q.Names, name)
			q.values[name] = value
		}
		seen[name] = true
	}
	return q
}

// Refuse notes a problem with a parameter.
func (q *Query) Refuse(name, code, message string) {
	q.Problems = append(q.Problems, problem.Problem{Field: name, Code: code, Message: message})
}

// Err is the refusal of everything found wrong so far, or nil.
func (q *Query) Err() error {
	if len(q.Problems) == 0 {
		return nil
	}
	return &problem.Refusal{Reason: problem.Unreadable, Problems: q.Problems}
}

// Get returns a parameter's value, "" when it was left out.
func (q *Query) Get(name string) string { return q.values[name] }

// Page reads limit and offset.
func (q *Query) Page() (limit, offset int64) {
	return q.Number("limit", defaultLimit, 1, MaxLimit), q.Number("offset", 0, 0, 1<<63-1)
}

// Number reads a whole number.
func (q *Query) Number(name string, absent, low, high int64) int64 {
	text, sent := q.values[name]
	if !sent {
		return absent
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !IsRowID(text) || n < low || n > high {
		q.Refuse(name, "number_out_of_range",
			"Send "+name+" as a whole number between "+strconv.FormatInt(low, 10)+" and "+strconv.FormatInt(high, 10)+".")
		return absent
	}
	return n
}

// Typed is a parameter that a user typed, without the spaces around it.
func (q *Query) Typed(name string) string { return strings.TrimSpace(q.values[name]) }

// Search reads the text to look for, composed as what is stored is.
func (q *Query) Search() string {
	text := norm.NFC.String(q.Typed("search"))
	if utf8.RuneCountInString(text) > maxSearch {
		q.Refuse("search", "too_long", "Shorten the search to "+strconv.Itoa(maxSearch)+" characters or fewer.")
		return ""
	}
	return text
}

// Boolean reads a parameter that is true or false; nil when it was left out.
func (q *Query) Boolean(name string) *bool {
	text, sent := q.values[name]
	if !sent {
		return nil
	}
	if text != "true" && text != "false" {
		q.Refuse(name, "wrong_type", "Send "+name+" as true or false.")
		return nil
	}
	truth := text == "true"
	return &truth
}

// Link is the query string of the same list with parameters changed, each a name and a value, or dropped by ""; a
// change of anything else goes back to the first page.
func (q *Query) Link(pairs ...string) string {
	values := url.Values{}
	for _, sent := range q.Names {
		if sent != "offset" && sent != "after" {
			values.Set(sent, q.values[sent])
		}
	}
	for pair := range slices.Chunk(pairs, 2) {
		if values.Set(pair[0], pair[1]); pair[1] == "" {
			values.Del(pair[0])
		}
	}
	return q.Path + "?" + values.Encode()
}

// Whole is the query string of the same part of the list, "" when nothing was sent.
func (q *Query) Whole() string {
	values := url.Values{}
	for _, sent := range q.Names {
		values.Set(sent, q.values[sent])
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// Sort reads the order of a list: one of the names allowed, which sort upwards, or the same with a leading "-".
func (q *Query) Sort(allowed []string) string {
	text, sent := q.values["sort"]
	if !sent {
		return allowed[0]
	}
	if !slices.Contains(allowed, strings.TrimPrefix(text, "-")) || strings.HasPrefix(text, "--") {
		q.Refuse("sort", "invalid_sort", "Sort by "+input.Either(allowed)+", each also with a leading -.")
		return allowed[0]
	}
	return text
}

// Tags reads a list of tags between commas.
func (q *Query) Tags() []string {
	var tags []string
	for tag := range strings.SplitSeq(q.values["tags"], ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
