package views

import (
	"slices"
	"strconv"
	"strings"

	"tollgate/models/catalogue"
)

// skippedTold is how many entries a sentence names: it has to fit into a cookie.
const skippedTold = 5

// Refreshed says what a refresh of a server's tools brought.
func Refreshed(s catalogue.MCPServer, skipped []string) string {
	said := s.Name + " has " + strconv.Itoa(len(s.Tools)-len(s.GoneTools)) + " tools now."
	if n := len(s.GoneTools); n > 0 {
		said += " " + few(s.GoneTools) + wordFor(n, " is", " are") + " kept although gone: profiles or tool groups name " +
			wordFor(n, "it.", "them.")
	}
	if n := len(skipped); n > 0 {
		said += " Left out, since no profile can name " + wordFor(n, "it: ", "them: ") +
			strings.Join(skipped[:min(n, skippedTold)], ", ")
		if more := n - skippedTold; more > 0 {
			said += " and " + strconv.Itoa(more) + " more"
		}
		said += "."
	}
	return said
}

// wordFor is the word for one, or for several.
func wordFor(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

func isGone(s catalogue.MCPServer, tool string) bool { return slices.Contains(s.GoneTools, tool) }
