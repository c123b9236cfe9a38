package e2e

import (
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// windows of users who are signed in are lent to one screen after the other: opening one takes longer than showing a
// page.
type windows struct {
	t    *testing.T // ends after all tests that borrow one
	lock sync.Mutex
	idle map[visit][]*screen
}

// lend gives a test a window as it was opened. It comes back when nothing failed there.
func (w *windows) lend(t *testing.T, of visit) *screen {
	t.Helper()
	lent := w.take(of)
	if lent == nil {
		lent = openWindow(w.t, of).newTab()
		w.t.Cleanup(func() { lent.context.Close() })
	}
	lent.t = t
	t.Cleanup(func() {
		if t.Failed() {
			lent.close()
			return
		}
		lent.tidy()
		w.lock.Lock()
		defer w.lock.Unlock()
		w.idle[of] = append(w.idle[of], lent)
	})
	return lent
}

func (w *windows) take(of visit) *screen {
	w.lock.Lock()
	defer w.lock.Unlock()
	n := len(w.idle[of])
	if n == 0 {
		return nil
	}
	last := w.idle[of][n-1]
	w.idle[of] = w.idle[of][:n-1]
	return last
}

// tidy leaves nothing of a screen behind: drafts are kept when a page is left, so that comes first.
func (s *screen) tidy() {
	s.t.Helper()
	s.to("/healthz")
	_, err := s.Evaluate("() => { sessionStorage.clear(); localStorage.clear() }")
	s.must(err)
	s.must(s.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: playwright.ColorSchemeLight}))
	s.must(s.SetViewportSize(1440, 900))
}
