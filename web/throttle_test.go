package web_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/uptrace/bun"
)

func ident(name string) bun.Ident { return bun.Ident(name) }

// wait moves the throttle's records back in time.
func (c *console) wait(seconds int) {
	c.t.Helper()
	c.exec("UPDATE login_throttles SET last_failed_at = last_failed_at - ? * interval '1 second'", seconds)
}

// ahead is how far freezeThrottle moves the last attempts into the future, so that a slow machine changes nothing
// between two requests.
const ahead = 30

func (c *console) freezeThrottle() {
	c.t.Helper()
	c.exec("UPDATE login_throttles SET last_failed_at = clock_timestamp() + ? * interval '1 second'", ahead)
}

func retryAfter(t *testing.T, a answer) int {
	t.Helper()
	a.refuses(429, "too_many_requests", "")
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 60+ahead {
		t.Fatalf("Retry-After: %q", a.Header.Get("Retry-After"))
	}
	return seconds
}

func TestThrottleGrowsAndAcceptsTheRightPassword(t *testing.T) {
	c := newConsole(t)
	wrong := func() answer { return c.anonymous().post("/login", credentials(admin, "wrong password")) }
	for range 5 {
		wrong().refuses(401, "invalid_credentials", "")
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		before := c.h.Passwords.Hashed()
		c.freezeThrottle()
		seconds := retryAfter(t, wrong())
		if c.h.Passwords.Hashed() != before {
			t.Fatal("a refused try was hashed")
		}
		if slow := want + ahead - seconds; slow < 0 || slow > ahead/2 {
			t.Fatalf("wait %d s, want %d", seconds-ahead, want)
		}
		retryAfter(t, c.anonymous().post("/login", credentials(admin, password)))
		c.anonymous().with("Authorization", basic(admin, password)).api("GET", "/api/api-keys", nil).refuses(429, "too_many_requests", "")
		c.wait(seconds)
		wrong().refuses(401, "invalid_credentials", "")
	}
	// Another account of the same network is not delayed.
	c.anonymous().signIn(viewer, password)
	c.wait(60)
	c.anonymous().signIn(admin, password)
	for range 5 {
		wrong().refuses(401, "invalid_credentials", "")
	}
	c.freezeThrottle()
	retryAfter(t, wrong())
}

func TestThrottleExpiresAFailureEachMinute(t *testing.T) {
	c := newConsole(t)
	for range 5 {
		c.anonymous().post("/login", credentials(admin, "wrong password")).is(401)
	}
	c.wait(5 * 60)
	for range 5 {
		c.anonymous().post("/login", credentials(admin, "wrong password")).is(401)
	}
	c.freezeThrottle()
	c.anonymous().post("/login", credentials(admin, "wrong password")).is(429)
}

func TestThrottleByNetwork(t *testing.T) {
	c := newConsole(t)
	for i := range 30 {
		c.anonymous().post("/login", credentials("user"+strconv.Itoa(i)+"@example.com", "wrong password")).is(401)
	}
	before := c.h.Passwords.Hashed()
	c.freezeThrottle()
	retryAfter(t, c.anonymous().post("/login", credentials("user30@example.com", "wrong password")))
	// A client cannot pretend to come from another address.
	retryAfter(t, c.anonymous().with("X-Forwarded-For", "203.0.113.7").with("X-Real-IP", "203.0.113.8").
		post("/login", credentials("user31@example.com", "wrong password")))
	retryAfter(t, c.anonymous().post("/login", credentials(admin, password)))
	if c.h.Passwords.Hashed() != before {
		t.Error("a refused try was hashed")
	}
	// Failures of its network do not lock the account itself: the right password works from another network.
	c.exec("DELETE FROM login_throttles WHERE subject LIKE 'network %'")
	c.anonymous().signIn(admin, password)
}

func TestRightPasswordsAreNotCounted(t *testing.T) {
	c := newConsole(t)
	for range 40 {
		c.anonymous().with("Authorization", basic(viewer, password)).api("GET", "/api/access-profiles", nil).is(200)
	}
}

func TestParallelTriesDoNotSlipThrough(t *testing.T) {
	c := newConsole(t)
	count := parallel(200, func() int { return c.anonymous().post("/login", credentials(admin, "wrong password")).StatusCode })
	if hashed := c.h.Passwords.Hashed(); hashed > 12 || count[http.StatusUnauthorized] != int(hashed) || len(count) != 2 {
		t.Errorf("%d tries were hashed, answers: %v", hashed, count)
	}
}
