package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// visit is how a user opens a console; zero is the admin of the company on a desktop.
type visit struct {
	console *console // nil is the company
	as      string   // email; "" is the admin
	out     bool     // signed out
	width   int      // 0 is 1440
	dark    bool
	plain   bool // JavaScript off
}

// screen is one tab of a browser, with a test that fails when it does not show what it should.
type screen struct {
	playwright.Page
	t       *testing.T
	console *console
	context playwright.BrowserContext
}

// open gives a journey a browser window of its own.
func open(t *testing.T, v visit) *screen {
	t.Helper()
	s := openWindow(t, v)
	t.Cleanup(s.close)
	return s.newTab()
}

func openWindow(t *testing.T, v visit) *screen {
	t.Helper()
	browser, err := theBrowser()
	if err != nil {
		t.Fatal(err)
	}
	if v.console == nil {
		if v.console, err = company(); err != nil {
			t.Fatal(err)
		}
	}
	if v.width == 0 {
		v.width = 1440
	}
	scheme := playwright.ColorSchemeLight
	if v.dark {
		scheme = playwright.ColorSchemeDark
	}
	context, err := browser.NewContext(playwright.BrowserNewContextOptions{
		BaseURL: &v.console.url, Viewport: &playwright.Size{Width: v.width, Height: 900}, ColorScheme: scheme,
		JavaScriptEnabled: playwright.Bool(!v.plain), ReducedMotion: playwright.ReducedMotionReduce,
		Permissions: []string{"clipboard-read", "clipboard-write"},
	})
	if err != nil {
		t.Fatal(err)
	}
	context.SetDefaultTimeout(patience)
	s := &screen{t: t, console: v.console, context: context}
	s.must(context.Tracing().Start())
	if !v.out {
		email := admin
		if v.as != "" {
			email = v.as
		}
		s.setCookie(v.console.session(t, email))
	}
	return s
}

func (s *screen) setCookie(cookie string) {
	s.t.Helper()
	name, value, _ := strings.Cut(cookie, "=")
	s.must(s.context.AddCookies([]playwright.OptionalCookie{{Name: name, Value: value, URL: &s.console.url}}))
}

// newTab opens another tab of the same window. What goes wrong in the page fails the test.
func (s *screen) newTab() *screen {
	s.t.Helper()
	page, err := s.context.NewPage()
	s.must(err)
	page.OnPageError(func(err error) { s.t.Errorf("%s: %v", page.URL(), err) })
	page.OnConsole(func(message playwright.ConsoleMessage) {
		if strings.Contains(message.Text(), "Content Security Policy") {
			s.t.Errorf("%s: %s", page.URL(), message.Text())
		}
	})
	return &screen{Page: page, t: s.t, console: s.console, context: s.context}
}

// close saves a trace, and every tab as a screenshot and as HTML, when the test has failed.
func (s *screen) close() {
	if s.t.Failed() {
		file := filepath.Join(artefacts, strings.NewReplacer("/", "-", " ", "-").Replace(s.t.Name()))
		for i, page := range s.context.Pages() {
			tab := file + "-" + strconv.Itoa(i+1)
			page.Screenshot(playwright.PageScreenshotOptions{Path: playwright.String(tab + ".png"), FullPage: playwright.Bool(true)})
			html, _ := page.Content()
			os.WriteFile(tab+".html", []byte(html), 0o644)
		}
		s.context.Tracing().Stop(file + ".zip")
		s.t.Logf("see %s-1.png, or the trace %s.zip", file, file)
	}
	s.context.Close()
}

func (s *screen) must(err error) {
	s.t.Helper()
	if err != nil {
		at := ""
		if s.Page != nil {
			at = s.URL() + ": "
		}
		s.t.Fatalf("%s%s", at, inShort(err))
	}
}

// inShort cuts off the accessibility tree of the whole page that some errors contain.
func inShort(err error) string {
	lines := strings.Split(err.Error(), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return drawing.MatchString(line) }), "\n")
}

var drawing = regexp.MustCompile(`^\s+- (/\w+: |[a-z]+( "|:|$| \[))`)

// to goes to a path and returns the status of the answer.
func (s *screen) to(path string) int {
	s.t.Helper()
	answer, err := s.Goto(path)
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		answer, err = s.Goto(path) // a navigation that the page itself had begun came first
	}
	s.must(err)
	return answer.Status()
}

// Elements are found as users find them: by role and name.

func (s *screen) role(role playwright.AriaRole, name string) playwright.Locator {
	return s.GetByRole(role, playwright.PageGetByRoleOptions{Name: name, Exact: playwright.Bool(true)})
}

func (s *screen) button(name string) playwright.Locator { return s.role("button", name) }
func (s *screen) link(name string) playwright.Locator   { return s.role("link", name) }
func (s *screen) heading(name string) playwright.Locator {
	return s.role("heading", name)
}

// field is an input by its label.
func (s *screen) field(label string) playwright.Locator {
	return s.GetByLabel(label, playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)})
}

func (s *screen) text(text string) playwright.Locator {
	return s.GetByText(text, playwright.PageGetByTextOptions{Exact: playwright.Bool(true)})
}

func expect(l playwright.Locator) playwright.LocatorAssertions {
	return playwright.NewPlaywrightAssertions(patience).Locator(l)
}

func (s *screen) sees(l playwright.Locator) {
	s.t.Helper()
	s.must(expect(l).ToBeVisible())
}

func (s *screen) gone(l playwright.Locator) {
	s.t.Helper()
	s.must(expect(l).ToHaveCount(0))
}

func (s *screen) says(l playwright.Locator, text string) {
	s.t.Helper()
	s.must(expect(l).ToContainText(text))
}

func (s *screen) holds(label, value string) {
	s.t.Helper()
	s.must(expect(s.field(label)).ToHaveValue(value))
}

func (s *screen) focused(l playwright.Locator) {
	s.t.Helper()
	s.must(expect(l).ToBeFocused())
}

func (s *screen) click(l playwright.Locator) {
	s.t.Helper()
	s.must(l.Click())
}

func (s *screen) fill(label, value string) {
	s.t.Helper()
	s.must(s.field(label).Fill(value))
}

func (s *screen) choose(label, option string) {
	s.t.Helper()
	_, err := s.field(label).SelectOption(playwright.SelectOptionValues{Labels: &[]string{option}})
	s.must(err)
}

func (s *screen) tick(label string) {
	s.t.Helper()
	s.must(s.field(label).Check())
}

// clipboard is one for all windows of the browser.
var clipboard sync.Mutex

// copies clicks a button that copies a text. It says so for two seconds, which a busy machine can miss.
func (s *screen) copies(button playwright.Locator, want string) {
	s.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	var missed error
	for range 3 {
		s.click(button)
		if missed = playwright.NewPlaywrightAssertions(1500).Locator(s.text("Copied")).ToBeVisible(); missed == nil {
			break
		}
	}
	s.must(missed)
	copied, err := s.Evaluate("() => navigator.clipboard.readText()")
	s.must(err)
	same(s.t, "copied", copied.(string), want)
}

// arrives waits for the page whose path matches, and for its scripts: keys pressed before they run are lost.
func (s *screen) arrives(path string) {
	s.t.Helper()
	at := regexp.MustCompile("^" + regexp.QuoteMeta(s.console.url) + path + "$")
	s.must(playwright.NewPlaywrightAssertions(patience).Page(s.Page).ToHaveURL(at))
	s.loaded()
}

// loaded waits for the scripts of the page. WaitForLoadState can miss that they have come while it begins to wait, and
// knows it when it is asked again.
func (s *screen) loaded() {
	s.t.Helper()
	var err error
	for range 10 {
		err = s.WaitForLoadState(playwright.PageWaitForLoadStateOptions{Timeout: playwright.Float(3000)})
		if err == nil {
			return
		}
	}
	s.must(err)
}
