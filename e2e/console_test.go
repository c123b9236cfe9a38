package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// password is the same for every user.
const password = "correct horse battery staple"

// console is a running Tollgate with a private database.
type console struct {
	url, firstRun string // firstRun is the one-time link, "" when there is an admin
	dir           string // the data folder
	settings      []string
	process       *os.Process
	ended         chan struct{}
	sessions      map[string]string // cookie by email
	lock          sync.Mutex
	key           func() (string, error)
}

// newConsole starts one on an empty database.
func newConsole(settings ...string) (*console, error) {
	dir, err := dataFolder()
	if err != nil {
		return nil, err
	}
	atEnd(func() { os.RemoveAll(dir) })
	c := &console{
		dir: dir, settings: append([]string{"PATH=" + os.Getenv("PATH"), "TOLLGATE_DATA_DIR=" + dir, "TOLLGATE_ADDR=127.0.0.1:0"}, settings...),
		ended: make(chan struct{}), sessions: map[string]string{},
	}
	c.key = sync.OnceValues(func() (string, error) {
		secret, err := c.command("", "api-key", "create", "--name", "browser tests", "--scopes", "all")
		return strings.TrimSpace(secret), err
	})
	return c, c.start()
}

// dataFolder is in memory when there is room, and accessible to the database's user.
func dataFolder() (string, error) {
	base := ""
	var space syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &space); err == nil && space.Bavail*uint64(space.Bsize) > 1<<30 {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "tollgate-e2e-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

var (
	listens = regexp.MustCompile(`API\s+(http://\S+)/api/access-profiles`)
	opens   = regexp.MustCompile(`Open\s+(http://\S+/first-run\?token=\S+)`)
)

// start runs the console until it has printed the five lines that say what runs where.
func (c *console) start() error {
	binary, err := program()
	if err != nil {
		return err
	}
	command := exec.Command(binary, "serve")
	command.Env = c.settings
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	var log bytes.Buffer
	command.Stderr = &log
	if err := command.Start(); err != nil {
		return err
	}
	c.process = command.Process
	atEnd(c.stop)
	said := make(chan string)
	go func() {
		var banner strings.Builder
		lines := bufio.NewScanner(stdout)
		for n := 0; n < 5 && lines.Scan(); n++ {
			banner.WriteString(lines.Text() + "\n")
		}
		said <- banner.String()
		io.Copy(io.Discard, stdout)
		command.Wait()
		close(c.ended)
	}()
	select {
	case banner := <-said:
		found := listens.FindStringSubmatch(banner)
		if found == nil {
			<-c.ended
			return fmt.Errorf("the console ended: %s%s", banner, &log)
		}
		c.url = found[1]
		if link := opens.FindStringSubmatch(banner); link != nil {
			c.firstRun = link[1]
		}
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("the console does not start")
	}
}

func (c *console) stop() {
	c.process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(15 * time.Second):
		c.process.Kill()
		<-c.ended
	}
}

// command runs another command of the program on the same data.
func (c *console) command(stdin string, arguments ...string) (string, error) {
	binary, err := program()
	if err != nil {
		return "", err
	}
	command := exec.Command(binary, arguments...)
	command.Env, command.Stdin = c.settings, strings.NewReader(stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("tollgate %s: %w: %s", strings.Join(arguments, " "), err, &stderr)
	}
	return string(output), nil
}

const (
	admin  = "ada@example.com"
	viewer = "vera@example.com"
)

// company is a console with sample data that journeys share.
var company = sync.OnceValues(newCompany)

// newCompany starts a console with sample data, an admin and a viewer.
func newCompany() (*console, error) {
	c, err := newConsole("TOLLGATE_ADMIN_EMAIL="+admin, "TOLLGATE_ADMIN_PASSWORD="+password)
	if err != nil {
		return nil, err
	}
	if _, err := c.command("", "seed"); err != nil {
		return nil, err
	}
	_, err = c.command(password, "user", "create", "--email", viewer, "--role", "Viewer")
	return c, err
}

// session signs a user in, once, and returns their cookie.
func (c *console) session(t *testing.T, email string) string {
	t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.sessions[email] != "" {
		return c.sessions[email]
	}
	browserless := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, _ := repeated(t, func() (*http.Response, error) {
		return browserless.PostForm(c.url+"/login", url.Values{"email": {email}, "password": {password}})
	})
	for _, cookie := range answer.Cookies() {
		if cookie.Name != "flash" && cookie.Value != "" {
			c.sessions[email] = cookie.Name + "=" + cookie.Value
			return c.sessions[email]
		}
	}
	t.Fatalf("sign-in of %s: %s", email, answer.Status)
	return ""
}

// api sends a request with an API key that has every permission.
func (c *console) api(t *testing.T, method, path, body string) (status int, answer []byte) {
	t.Helper()
	key, err := c.key()
	if err != nil {
		t.Fatal(err)
	}
	response, answer := repeated(t, func() (*http.Response, error) {
		request, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+key)
		if body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		return http.DefaultClient.Do(request)
	})
	return response.StatusCode, answer
}

// repeated sends a request, and again while a busy machine puts it off. The body of the answer is read.
func repeated(t *testing.T, send func() (*http.Response, error)) (response *http.Response, body []byte) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience * time.Millisecond); ; <-tick.C {
		response, err := send()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		text := string(body)
		putOff := strings.Contains(text, "retry_later") || strings.Contains(text, "Calls cannot be decided now")
		if response.StatusCode != http.StatusServiceUnavailable || !putOff || time.Now().After(end) {
			return response, body
		}
	}
}
