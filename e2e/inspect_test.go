package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// sights are the ways to look at a screen: on a desktop, on a small laptop and on a phone, light and dark.
var sights = []struct {
	width  int
	scheme *playwright.ColorScheme
	axe    string // which of its rules are checked
}{
	{1440, playwright.ColorSchemeLight, everyRule},
	{1024, playwright.ColorSchemeLight, ""},
	{390, playwright.ColorSchemeLight, everyRule},
	{390, playwright.ColorSchemeDark, ""},
	{1440, playwright.ColorSchemeDark, colourRules},
}

// Dark differs in colours only.
const (
	everyRule   = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	colourRules = `["color-contrast", "link-in-text-block"]`
)

// inspect checks a screen as it is: no violation of the accessibility rules in light and dark, and no scrolling
// sideways at any width. It saves a screenshot of each.
func (s *screen) inspect(name string) {
	s.t.Helper()
	for _, at := range sights {
		s.must(s.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: at.scheme}))
		s.must(s.SetViewportSize(at.width, 900))
		place := fmt.Sprintf("%s-%d-%s", name, at.width, *at.scheme)
		s.fitsSideways(place)
		s.unroll()
		if at.axe != "" {
			s.accessible(place, at.axe)
		}
		_, err := s.Screenshot(playwright.PageScreenshotOptions{
			Path: playwright.String(filepath.Join(artefacts, "screens", place+".png")), Animations: playwright.ScreenshotAnimationsDisabled,
		})
		s.must(err)
	}
}

func (s *screen) fitsSideways(place string) {
	s.t.Helper()
	wide, err := s.Evaluate("() => document.documentElement.scrollWidth - innerWidth")
	s.must(err)
	if beyond := wide.(int); beyond > 0 {
		s.t.Errorf("%s: %d pixels stand out sideways", place, beyond)
	}
}

// unroll makes the window as high as the page, so that sticky elements cover nothing.
func (s *screen) unroll() {
	s.t.Helper()
	height, err := s.Evaluate("() => document.documentElement.scrollHeight")
	s.must(err)
	s.must(s.SetViewportSize(s.ViewportSize().Width, max(900, height.(int))))
}

var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	return string(source) + "; undefined", err
})

// Elements under an open menu are no targets.
const runAxe = `async (rules) => {
	const {violations} = await axe.run(document, {runOnly: JSON.parse(rules), resultTypes: ["violations"]})
	const menu = document.querySelector("details.menu[open]")
	const aside = ({id, nodes}) => menu && id === "target-size" && !nodes.some(({target}) => menu.contains(document.querySelector(target[0])))
	return JSON.stringify(violations.filter((violation) => !aside(violation)))
}`

// accessible runs axe: the debugger injects it, so the page's security policy stays as it is.
func (s *screen) accessible(place, rules string) {
	s.t.Helper()
	source, err := axe()
	s.must(err)
	if present, err := s.Evaluate("() => 'axe' in window"); err != nil || present == false {
		_, err = s.Evaluate(source)
		s.must(err)
	}
	answer, err := s.Evaluate(runAxe, rules)
	s.must(err)
	var violations []struct {
		ID, Help string
		Nodes    []struct {
			HTML           string
			FailureSummary string
		}
	}
	s.must(json.Unmarshal([]byte(answer.(string)), &violations))
	for _, violation := range violations {
		var nodes strings.Builder
		for _, node := range violation.Nodes {
			fmt.Fprintf(&nodes, "\n  %s\n    %s", node.HTML, strings.ReplaceAll(node.FailureSummary, "\n", "\n    "))
		}
		s.t.Errorf("%s: %s: %s%s", place, violation.ID, violation.Help, &nodes)
	}
}
