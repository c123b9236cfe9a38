package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// patience is how long anything may take on a busy machine, in milliseconds.
const patience = 20_000

// artefacts is where a run leaves files to look at: screenshots, and traces of failed tests.
const artefacts = "artefacts"

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range slices.Backward(endings) {
		end()
	}
	os.Exit(code)
}

// endings run after the last test, the latest first.
var (
	endings     []func()
	endingsLock sync.Mutex
)

func atEnd(end func()) {
	endingsLock.Lock()
	defer endingsLock.Unlock()
	endings = append(endings, end)
}

// program is the console, built once for all tests; $TOLLGATE_BINARY names a built one.
var program = sync.OnceValues(func() (string, error) {
	if built := os.Getenv("TOLLGATE_BINARY"); built != "" {
		return built, nil
	}
	dir, err := os.MkdirTemp("", "tollgate-e2e-")
	if err != nil {
		return "", err
	}
	atEnd(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "tollgate")
	build := exec.Command("go", "build", "-tags=nomsgpack", "-buildvcs=false", "-o", binary, "../cmd/tollgate")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, output)
	}
	return binary, nil
})

// theBrowser is started once; each visit gets a context of its own.
var theBrowser = sync.OnceValues(func() (playwright.Browser, error) {
	driver, err := driverFolder()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(artefacts), os.MkdirAll(artefacts, 0o755)); err != nil {
		return nil, err
	}
	player, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true})
	if err != nil {
		return nil, fmt.Errorf("start playwright: %w", err)
	}
	atEnd(func() { player.Stop() })
	browser, err := player.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath:  chromium(player.Chromium.ExecutablePath()),
		ChromiumSandbox: playwright.Bool(os.Geteuid() != 0),
		Args: []string{
			"--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--disable-gpu", "--in-process-gpu", "--hide-scrollbars",
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	atEnd(func() { browser.Close() })
	return browser, nil
})

// driverFolder lays playwright-core out as playwright-go looks for it.
func driverFolder() (string, error) {
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(modules, "playwright-core/cli.js")); err != nil {
		return "", fmt.Errorf("the browser tests need their npm packages, run: npm ci --prefix e2e --ignore-scripts (%w)", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return "", err
	}
	if err := os.Setenv("PLAYWRIGHT_NODEJS_PATH", node); err != nil {
		return "", err
	}
	driver := filepath.Join(modules, ".playwright-go")
	if err := os.MkdirAll(driver, 0o755); err != nil {
		return "", err
	}
	err = os.Symlink("../playwright-core", filepath.Join(driver, "package"))
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return driver, nil
}

// chromium is the browser to use: $CHROMIUM, Playwright's own when it is installed, else the system's. The headless shell
// shows the same pages in less time.
func chromium(playwrights string) *string {
	if given := os.Getenv("CHROMIUM"); given != "" {
		return &given
	}
	if _, err := os.Stat(playwrights); err == nil {
		return nil
	}
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return &path
		}
	}
	return nil
}
