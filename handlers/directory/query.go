package directory

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/models/scim"
)

// mostRows is how many resources a page has at most, and without a count.
const mostRows = 100

// query is which resources a client asks for, and what of them.
type query struct {
	provision.Query
	projection
}

// readQuery reads the query string. Parameters that the protocol does not have are passed over, as it says. Refusals:
// Invalid, NotOffered for an order.
func readQuery(c *gin.Context) (q query, err error) {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return q, problem.Refuse(problem.Invalid, "", scim.InvalidSyntax, "Encode the query string.")
	}
	if values.Get("sortBy") != "" {
		return q, problem.Refuse(problem.NotOffered, "sortBy", "not_offered", "This console does not sort; leave sortBy out.")
	}
	if q.Start, err = number(values, "startIndex", 1); err != nil {
		return q, err
	}
	if q.Count, err = number(values, "count", mostRows); err != nil {
		return q, err
	}
	q.Start, q.Count = max(1, q.Start), min(max(0, q.Count), mostRows)
	q.projection = projection{only: names(values.Get("attributes")), without: names(values.Get("excludedAttributes"))}
	if text := values.Get("filter"); text != "" {
		filter, err := scim.ParseFilter(text)
		if err != nil {
			return q, err
		}
		q.Filter = &filter
	}
	return q, nil
}

func number(values url.Values, name string, absent int64) (int64, error) {
	if !values.Has(name) {
		return absent, nil
	}
	n, err := strconv.ParseInt(values.Get(name), 10, 32)
	if err != nil {
		return 0, problem.Refuse(problem.Invalid, name, scim.InvalidValue, "Give "+name+" as a whole number.")
	}
	return n, nil
}

// names are attributes as a client lists them, in lower case and without a schema.
func names(list string) map[string]bool {
	found := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if path, err := scim.ParsePath(strings.TrimSpace(name)); err == nil {
			found[strings.TrimSuffix(path.Attr+"."+path.Sub, ".")] = true
		}
	}
	return found
}

// projection is what of a resource is answered: only some attributes, or all without some.
type projection struct{ only, without map[string]bool }

// shows reports whether an attribute is answered, by its name in lower case.
func (p projection) shows(name string) bool {
	if len(p.only) == 0 {
		return !p.without[name]
	}
	for asked := range p.only {
		if attr, _, _ := strings.Cut(asked, "."); attr == name {
			return true
		}
	}
	return false
}
