package webtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Answer is a response whose body has been read.
type Answer struct {
	T testing.TB
	*http.Response
	Body []byte
}

// Is fails the test unless the answer has the status.
func (a Answer) Is(status int) Answer {
	a.T.Helper()
	if a.StatusCode != status {
		a.T.Fatalf("%s %s: status %d, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.Body)
	}
	return a
}

// Refuses fails the test unless the answer has the status, and the code and field of the problem, as JSON or on a page.
func (a Answer) Refuses(status int, code, param string) Answer {
	a.T.Helper()
	a.Is(status)
	gotCode, gotParam := "", ""
	path := a.Request.URL.Path
	if strings.HasPrefix(path, "/access/v1/") || strings.HasPrefix(path, "/scim/v2/") || strings.HasPrefix(path, "/v1/") {
		return a // they have a message for it, and no code
	}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		problem, _ := a.JSON()["error"].(map[string]any)
		gotCode, _ = problem["code"].(string)
		gotParam, _ = problem["param"].(string)
	} else if main := a.All("main"); len(main) == 1 {
		gotCode, gotParam = Attribute(main[0], "data-error-code"), Attribute(main[0], "data-param")
	}
	if gotCode != code || gotParam != param {
		a.T.Fatalf("%s %s: code %q at %q, want %q at %q", a.Request.Method, a.Request.URL.Path, gotCode, gotParam, code, param)
	}
	return a
}

// Redirects fails the test unless the answer redirects to the path.
func (a Answer) Redirects(path string) Answer {
	a.T.Helper()
	if a.Is(http.StatusSeeOther); a.Header.Get("Location") != path {
		a.T.Fatalf("%s %s leads to %q, want %q", a.Request.Method, a.Request.URL.Path, a.Header.Get("Location"), path)
	}
	return a
}

// Follow goes where an answer redirects to, with the message that it leaves.
func (v Client) Follow(a Answer) Answer {
	v.T.Helper()
	a.Is(http.StatusSeeOther)
	if flash, left := a.Cookie("flash"); left {
		v = v.With("Cookie", v.Header.Get("Cookie")+"; flash="+flash.Value)
	}
	return v.Get(a.Header.Get("Location")).Is(http.StatusOK)
}

// JSON is the body as an object.
func (a Answer) JSON() map[string]any {
	a.T.Helper()
	var object map[string]any
	if err := json.Unmarshal(a.Body, &object); err != nil {
		a.T.Fatalf("%v\n%s", err, a.Body)
	}
	return object
}

// Cookie is a cookie that the answer sets, and whether it sets one.
func (a Answer) Cookie(name string) (*http.Cookie, bool) {
	for _, cookie := range a.Cookies() {
		if cookie.Name == name {
			return cookie, true
		}
	}
	return nil, false
}

// All finds elements by tag and by pairs of attribute and value.
func (a Answer) All(tag string, attributes ...string) []*html.Node {
	a.T.Helper()
	root, err := html.Parse(bytes.NewReader(a.Body))
	if err != nil {
		a.T.Fatal(err)
	}
	var found []*html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.Data == tag && Has(node, attributes) {
			found = append(found, node)
		}
	}
	return found
}

// One is the only such element.
func (a Answer) One(tag string, attributes ...string) *html.Node {
	a.T.Helper()
	found := a.All(tag, attributes...)
	if len(found) != 1 {
		a.T.Fatalf("%s %s: %d elements %s %v, want 1\n%s", a.Request.Method, a.Request.URL.Path, len(found), tag, attributes, a.Body)
	}
	return found[0]
}

// Has reports whether an element has these attributes: names and values in turn.
func Has(node *html.Node, attributes []string) bool {
	for i := 0; i+1 < len(attributes); i += 2 {
		if !slices.Contains(node.Attr, html.Attribute{Key: attributes[i], Val: attributes[i+1]}) {
			return false
		}
	}
	return true
}

// Attribute is the value of an attribute, empty when there is none.
func Attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Text is the visible text of an element.
func Text(node *html.Node) string {
	var words []string
	for child := range node.Descendants() {
		if child.Type == html.TextNode {
			words = append(words, strings.Fields(child.Data)...)
		}
	}
	return strings.Join(words, " ")
}
