package webtest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// CheckProblems holds the summary above a form that came back against the form: each of its links leads to one input
// that is marked as invalid, or to a group of inputs, and never to one that cannot be seen.
func CheckProblems(response *http.Response, content []byte) error {
	if response.StatusCode < 400 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	root, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("read a page with problems: %w", err)
	}
	led := map[string][]*html.Node{}
	var links []string
	for node := range root.Descendants() {
		if id := Attribute(node, "id"); id != "" {
			led[id] = append(led[id], node)
		}
		if id, within := strings.CutPrefix(Attribute(node, "href"), "#"); within && inSummary(node) {
			links = append(links, id)
		}
	}
	var faults []error
	for _, id := range links {
		if fault := problemPlace(led[id]); fault != "" {
			faults = append(faults, fmt.Errorf("%s %s: the summary of problems leads to #%s, %s",
				response.Request.Method, response.Request.URL.Path, id, fault))
		}
	}
	return errors.Join(faults...)
}

// inSummary reports whether an element is within the summary of problems.
func inSummary(node *html.Node) bool {
	for above := range node.Ancestors() {
		if Attribute(above, "id") == "problems" {
			return true
		}
	}
	return false
}

// problemPlace says what is wrong with the elements that a link of a summary leads to, if anything is.
func problemPlace(found []*html.Node) string {
	switch {
	case len(found) != 1:
		return fmt.Sprintf("which %d elements have", len(found))
	case Attribute(found[0], "type") == "hidden":
		return "a hidden input"
	case slices.Contains([]string{"checkbox", "radio"}, Attribute(found[0], "type")): // of a group, which is what is wrong
	case slices.Contains([]string{"input", "select", "textarea"}, found[0].Data) && Attribute(found[0], "aria-invalid") != "true":
		return "an input that is not marked as invalid"
	}
	return ""
}
