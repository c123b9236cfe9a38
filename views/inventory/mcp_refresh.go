package inventory

import (
	"slices"
	"strconv"
	"strings"

	"tollgate/models/mcptool"
	"tollgate/models/plural"
)

// skippedTold is how many entries a sentence names: it has to fit into a cookie.
const skippedTold = 5

// Refreshed says what a refresh of a server's tools brought.
func Refreshed(s mcptool.Server, skipped []string) string {
	said := s.Name + " has " + strconv.Itoa(len(s.Tools)-len(s.GoneTools)) + " tools now."
	if n := len(s.GoneTools); n > 0 {
		said += " " + few(s.GoneTools) + plural.Choose(n == 1, " is", " are") + " kept although gone: " +
			"profiles or tool groups name " +
			plural.Choose(n == 1, "it.", "them.")
	}
	if n := len(skipped); n > 0 {
		said += " Left out, since no profile can name " + plural.Choose(n == 1, "it: ", "them: ") +
			strings.Join(skipped[:min(n, skippedTold)], ", ")
		if more := n - skippedTold; more > 0 {
			said += " and " + strconv.Itoa(more) + " more"
		}
		said += "."
	}
	return said
}

func isGone(s mcptool.Server, tool string) bool { return slices.Contains(s.GoneTools, tool) }
