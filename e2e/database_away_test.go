package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// databaseProcesses are those of a console's own database, the first one first.
func (c *console) databaseProcesses(t *testing.T) []int {
	t.Helper()
	data := filepath.Join(c.dir, "data")
	running, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := strconv.Atoi(strings.Split(string(running), "\n")[0])
	if err != nil {
		t.Fatal(err)
	}
	processes := []int{first}
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		if at, err := os.Readlink(folder); err == nil && at == data && pid != first {
			processes = append(processes, pid)
		}
	}
	return processes
}

// freeze stops the database of a console: it accepts connections and answers nothing until thaw.
func (c *console) freeze(t *testing.T) (thaw func()) {
	t.Helper()
	processes := c.databaseProcesses(t)
	signal := func(s syscall.Signal) {
		for _, pid := range processes {
			if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
				t.Error(err)
			}
		}
	}
	signal(syscall.SIGSTOP)
	thaw = func() { signal(syscall.SIGCONT) }
	t.Cleanup(thaw)
	return thaw
}

// TestFrozenDatabase reads and saves while the database does not answer: the console says so, what it refuses and
// what was kept, loses nothing that was typed, and shows the page as soon as it can.
func TestFrozenDatabase(t *testing.T) {
	t.Parallel()
	c, err := newConsole("TOLLGATE_ADMIN_EMAIL="+admin, "TOLLGATE_ADMIN_PASSWORD="+password)
	if err != nil {
		t.Fatal(err)
	}
	form, page, plain := open(t, visit{console: c}), open(t, visit{console: c}), open(t, visit{console: c, plain: true})
	plainForm := open(t, visit{console: c, plain: true})
	for _, s := range []*screen{form, plainForm} {
		s.to("/access-profiles/new")
		s.fill("Name", "Typed in vain")
	}

	thaw := c.freeze(t)
	for _, s := range []*screen{page, plain} {
		if status := s.to("/users?search=ada"); status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
		s.sees(s.heading("The database is unavailable"))
		s.says(s.Locator("main"), "calls of gateways are refused")
		s.says(s.Locator("main"), "Everything that was saved")
		s.sees(s.text("This page asks again every 5 seconds."))
		s.sees(s.link("Try again"))
	}
	page.inspect("database-away")
	form.click(form.button("Create profile"))
	form.says(form.Locator(".save-bar").GetByRole("alert"), "Not saved. Everything you typed is still here.")
	plainForm.click(plainForm.button("Create profile"))
	plainForm.says(plainForm.Locator("main"), "the form still holds what you typed")

	thaw()
	for _, s := range []*screen{page, plain} {
		s.sees(s.heading("Users"))
		s.arrives(`/users\?search=ada`)
	}
	form.holds("Name", "Typed in vain")
	form.click(form.button("Try again"))
	form.sees(form.text("Typed in vain was created."))
	_, err = plainForm.GoBack()
	plainForm.must(err)
	plainForm.holds("Name", "Typed in vain")
}
