package webtest

import (
	"golang.org/x/net/html"
)

// Present reports whether an element has the attribute.
func Present(node *html.Node, name string) bool {
	for _, a := range node.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// ChosenOption is the value that a browser would send for a select.
func ChosenOption(node *html.Node) string {
	first, found := "", false
	for option := range node.Descendants() {
		if option.Data != "option" {
			continue
		}
		if Present(option, "selected") {
			return Attribute(option, "value")
		}
		if !found {
			first, found = Attribute(option, "value"), true
		}
	}
	return first
}
