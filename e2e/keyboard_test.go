package e2e

import "github.com/playwright-community/playwright-go"

// Actions without a mouse.

func (s *screen) press(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		s.must(s.Keyboard().Press(key))
	}
}

// goes presses a sequence of keys until the page has come: one that takes longer than a second and a half is none.
func (s *screen) goes(path string, keys ...string) {
	s.t.Helper()
	for range 3 {
		s.press(keys...)
		if playwright.NewPlaywrightAssertions(3000).Page(s.Page).ToHaveURL(s.console.url+path) == nil {
			break
		}
	}
	s.arrives(path)
}

func (s *screen) write(text string) {
	s.t.Helper()
	s.must(s.Keyboard().Type(text))
}

// tabTo presses Tab until an element has the focus; a focus trap on the way fails the test.
func (s *screen) tabTo(l playwright.Locator) {
	s.t.Helper()
	s.walk("Tab", l)
}

// tabBack does the same with Shift+Tab.
func (s *screen) tabBack(l playwright.Locator) {
	s.t.Helper()
	s.walk("Shift+Tab", l)
}

// walk looks the element up once, since finding it by its role takes longer than a key, and again when the page has
// replaced it meanwhile.
func (s *screen) walk(key string, l playwright.Locator) {
	s.t.Helper()
	s.sees(l)
	var element playwright.JSHandle
	for range 120 {
		s.press(key)
		var focused any
		if element != nil {
			focused = s.hasFocus(element)
		}
		if focused == nil {
			found, err := l.EvaluateHandle("element => element", nil)
			s.must(err)
			element, focused = found, s.hasFocus(found)
		}
		if focused == true {
			return
		}
	}
	s.t.Fatalf("%s: %s does not lead to %v", s.URL(), key, l)
}

// hasFocus is nil for an element that is not on the page any more.
func (s *screen) hasFocus(element playwright.JSHandle) any {
	s.t.Helper()
	focused, err := element.Evaluate("element => element.isConnected ? element === document.activeElement : null")
	s.must(err)
	return focused
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// pick selects an option of the focused select with the arrow keys, from the first one on.
func (s *screen) pick(label, option string) {
	s.t.Helper()
	for i := range 30 {
		chosen, err := s.field(label).Evaluate("select => select.selectedOptions[0].label", nil)
		s.must(err)
		if chosen == option {
			return
		}
		s.press(choose(i == 0, "Home", "ArrowDown"))
	}
	s.t.Fatalf("%s offers no %q", label, option)
}

// enter presses a button that it has focused.
func (s *screen) enter(l playwright.Locator) {
	s.t.Helper()
	s.tabTo(l)
	s.press("Enter")
}

// next focuses the next field and types into it.
func (s *screen) next(label, text string) {
	s.t.Helper()
	s.press("Tab")
	s.focused(s.field(label))
	s.write(text)
}

// nextPick focuses the next select and picks from it.
func (s *screen) nextPick(label, option string) {
	s.t.Helper()
	s.press("Tab")
	s.focused(s.field(label))
	s.pick(label, option)
}
