package e2e

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// sight is a way to look at a screen.
type sight struct {
	width  int
	scheme *playwright.ColorScheme
	axe    string // its options, "" is not to run it
	press  bool   // what can be pressed is large enough
}

// sights are on a phone, on a small laptop and on a desktop, light and dark. A journey goes on at the last one.
var sights = []sight{
	{width: 390, scheme: playwright.ColorSchemeDark, axe: colourRules},
	{width: 390, scheme: playwright.ColorSchemeLight, axe: layoutRules, press: true},
	{width: 1024, scheme: playwright.ColorSchemeLight},
	{width: 1440, scheme: playwright.ColorSchemeDark},
	{width: 1440, scheme: playwright.ColorSchemeLight, axe: everyRule},
}

// drawn are the screens that are looked at outside make soak and make shots too: half of them, always the same ones.
func drawn(name string) bool { return everySight || crc32.ChecksumIEEE([]byte(name))/16%2 == 0 }

// sightsOf are all sights in make soak and make shots. Elsewhere a screen is looked at on the smallest phone and on a
// desktop, half of the screens are dark, and axe, which takes longer than all else, runs on a quarter of them.
func sightsOf(name string) []sight {
	if everySight {
		return sights
	}
	hash := crc32.ChecksumIEEE([]byte(name))
	scheme, rules := playwright.ColorSchemeLight, ""
	if hash%2 == 0 {
		scheme = playwright.ColorSchemeDark
	}
	if hash/2%4 == 0 {
		rules = everyRule
	}
	return []sight{{width: narrowest, scheme: scheme, press: true}, {width: 1440, scheme: scheme, axe: rules}}
}

const (
	guidelines  = `"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
	everyRule   = `{` + guidelines + `}`
	layoutRules = `{` + guidelines + `, "rules": {"color-contrast": {"enabled": false}, "link-in-text-block": {"enabled": false}}}`
	colourRules = `{"runOnly": ["color-contrast", "link-in-text-block"]}`
)

// pictures is set by make shots, everySight by make soak, too.
var (
	pictures   = os.Getenv("TOLLGATE_SHOTS") != ""
	everySight = pictures || os.Getenv("TOLLGATE_SOAK") != ""
)

// narrowest is the width of the smallest phone there is; no picture is taken of it.
const narrowest = 320

// inspect checks a screen as it is: no violation of the accessibility rules, no scrolling sideways at any width, and on a
// phone nothing too small to press. It saves a screenshot of each sight when they are wanted.
func (s *screen) inspect(name string) {
	s.t.Helper()
	for _, at := range sightsOf(name) {
		s.must(s.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: at.scheme}))
		s.must(s.SetViewportSize(at.width, 900))
		place := fmt.Sprintf("%s-%d-%s", name, at.width, *at.scheme)
		s.fitsSideways(place)
		if at.axe != "" || pictures {
			s.unroll()
		}
		if at.axe != "" {
			s.accessible(place, at.axe)
		}
		s.shoot(place)
		if at.press {
			s.pressable(place)
		}
		if at.press && at.width > narrowest {
			s.must(s.SetViewportSize(narrowest, 900))
			s.fitsSideways(fmt.Sprintf("%s-%d", name, narrowest))
		}
	}
}

// shoot saves a screenshot in a run that is to take them, since each takes as long as all checks of a sight.
func (s *screen) shoot(place string) {
	s.t.Helper()
	if !pictures {
		return
	}
	_, err := s.Screenshot(playwright.PageScreenshotOptions{
		Path: playwright.String(filepath.Join(artefacts, "screens", place+".png")), Animations: playwright.ScreenshotAnimationsDisabled,
	})
	s.must(err)
}

// smallTargets are what can be pressed and is less than 44 pixels high or wide, with the labels that press it too.
// Links within a sentence, and what only screen readers see, are left out.
const smallTargets = `() => [...document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")]
	.filter((e) => {
		const boxes = [e, ...(e.labels ?? [])].map((of) => of.getBoundingClientRect())
		const sentence = e.matches("a:not(.button)") && e.closest("p, .effects")
		const unseen = !e.checkVisibility() || boxes.every((box) => box.width < 2 || box.height < 2) || e.closest(".unseen, thead:not(:has(.sort))")
		return !e.disabled && !sentence && !unseen && !boxes.some((box) => box.width >= 43.5 && box.height >= 43.5)
	})
	.map((e) => e.outerHTML.slice(0, 160))`

func (s *screen) pressable(place string) {
	s.t.Helper()
	small, err := s.Evaluate(smallTargets)
	s.must(err)
	for _, target := range small.([]any) {
		s.t.Errorf("%s: too small to press: %s", place, target)
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
const runAxe = `async (options) => {
	const {violations} = await axe.run(document, {...JSON.parse(options), resultTypes: ["violations"], preload: false})
	const menu = document.querySelector("details.menu[open]")
	const aside = ({id, nodes}) => menu && id === "target-size" && !nodes.some(({target}) => menu.contains(document.querySelector(target[0])))
	return JSON.stringify(violations.filter((violation) => !aside(violation)))
}`

// accessible runs axe: the debugger injects it, so the page's security policy stays as it is.
func (s *screen) accessible(place, options string) {
	s.t.Helper()
	source, err := axe()
	s.must(err)
	if present, err := s.Evaluate("() => 'axe' in window"); err != nil || present == false {
		_, err = s.Evaluate(source)
		s.must(err)
	}
	answer, err := s.Evaluate(runAxe, options)
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
