package web_test

import (
	"net/http"
	"strconv"
	"testing"

	"tollgate/web/webtest"
)

func retryAfter(t *testing.T, a webtest.Answer) int {
	t.Helper()
	a.Refuses(429, "too_many_requests", "")
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 60+webtest.Ahead {
		t.Fatalf("Retry-After: %q", a.Header.Get("Retry-After"))
	}
	return seconds
}

func TestThrottleGrowsAndAcceptsTheRightPassword(t *testing.T) {
	c := webtest.NewConsole(t)
	wrong := func() webtest.Answer {
		return c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, "wrong password"))
	}
	for range 5 {
		wrong().Refuses(401, "invalid_credentials", "")
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		before := c.H.Passwords.Hashed()
		c.FreezeThrottle()
		seconds := retryAfter(t, wrong())
		if c.H.Passwords.Hashed() != before {
			t.Fatal("a refused try was hashed")
		}
		if slow := want + webtest.Ahead - seconds; slow < 0 || slow > webtest.Ahead/2 {
			t.Fatalf("wait %d s, want %d", seconds-webtest.Ahead, want)
		}
		retryAfter(t, c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, webtest.Password)))
		c.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).API("GET", "/api/api-keys", nil).Refuses(429, "too_many_requests", "")
		c.Wait(seconds)
		wrong().Refuses(401, "invalid_credentials", "")
	}
	// Another account of the same network is not delayed.
	c.Anonymous().SignIn(webtest.Viewer, webtest.Password)
	c.Wait(60)
	c.Anonymous().SignIn(webtest.Admin, webtest.Password)
	for range 5 {
		wrong().Refuses(401, "invalid_credentials", "")
	}
	c.FreezeThrottle()
	retryAfter(t, wrong())
}

func TestThrottleExpiresAFailureEachMinute(t *testing.T) {
	c := webtest.NewConsole(t)
	for range 5 {
		c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, "wrong password")).Is(401)
	}
	c.Wait(5 * 60)
	for range 5 {
		c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, "wrong password")).Is(401)
	}
	c.FreezeThrottle()
	c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, "wrong password")).Is(429)
}

func TestThrottleByNetwork(t *testing.T) {
	c := webtest.NewConsole(t)
	for i := range 30 {
		c.Anonymous().Post("/login", webtest.Credentials("user"+strconv.Itoa(i)+"@example.com", "wrong password")).Is(401)
	}
	before := c.H.Passwords.Hashed()
	c.FreezeThrottle()
	retryAfter(t, c.Anonymous().Post("/login", webtest.Credentials("user30@example.com", "wrong password")))
	// A client cannot pretend to come from another address.
	retryAfter(t, c.Anonymous().With("X-Forwarded-For", "203.0.113.7").With("X-Real-IP", "203.0.113.8").
		Post("/login", webtest.Credentials("user31@example.com", "wrong password")))
	retryAfter(t, c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, webtest.Password)))
	if c.H.Passwords.Hashed() != before {
		t.Error("a refused try was hashed")
	}
	// Failures of its network do not lock the account itself: the right password works from another network.
	c.Exec("DELETE FROM login_throttles WHERE subject LIKE 'network %'")
	c.Anonymous().SignIn(webtest.Admin, webtest.Password)
}

func TestRightPasswordsAreNotCounted(t *testing.T) {
	c := webtest.NewConsole(t)
	for range 40 {
		c.Anonymous().With("Authorization", webtest.Basic(webtest.Viewer, webtest.Password)).API("GET", "/api/access-profiles", nil).Is(200)
	}
}

func TestParallelTriesDoNotSlipThrough(t *testing.T) {
	c := webtest.NewConsole(t)
	count := webtest.Parallel(200, func() int {
		return c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, "wrong password")).StatusCode
	})
	if hashed := c.H.Passwords.Hashed(); hashed > 12 || count[http.StatusUnauthorized] != int(hashed) || len(count) != 2 {
		t.Errorf("%d tries were hashed, answers: %v", hashed, count)
	}
}
