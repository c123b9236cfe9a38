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

// Another's wrong passwords keep the user out neither of the form nor of the API, also from an address beside theirs;
// the one who guesses waits.
func TestGuessesElsewhereDoNotKeepTheUserOut(t *testing.T) {
	c := webtest.NewConsole(t)
	guess := func() webtest.Answer {
		return c.Anonymous().From("127.0.0.9").Post("/login", webtest.Credentials(webtest.Admin, "wrong password"))
	}
	for range 5 {
		guess().Refuses(401, "invalid_credentials", "")
	}
	for _, wait := range []int{1, 2, 4, 8, 16, 32} {
		c.Wait(wait)
		guess().Refuses(401, "invalid_credentials", "")
	}
	for range 4 {
		c.Wait(2)
		for range 2 {
			retryAfter(t, guess())
		}
		for _, address := range []string{"127.0.0.1", "127.0.7.1"} {
			c.Exec("DELETE FROM sign_in_networks")
			c.Anonymous().From(address).SignIn(webtest.Admin, webtest.Password)
			c.Exec("DELETE FROM sign_in_networks")
			c.Anonymous().From(address).With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).API("GET", "/api/api-keys", nil).Is(200)
		}
	}
}

// Guesses for one account from many networks wait for each other, for a short time. So does the user, but not where
// they signed in before.
func TestGuessesFromManyNetworksAreSlowed(t *testing.T) {
	c := webtest.NewConsole(t)
	networks := 0
	stranger := func() webtest.Client {
		networks++
		return c.Anonymous().From("127.1." + strconv.Itoa(networks) + ".9")
	}
	guess := func() webtest.Answer {
		return stranger().Post("/login", webtest.Credentials(webtest.Admin, "wrong password"))
	}
	basic := func(v webtest.Client) webtest.Answer {
		return v.With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).API("GET", "/api/api-keys", nil)
	}
	home := c.Anonymous().From("127.2.0.1")
	basic(home).Is(200)
	for range 20 {
		guess().Refuses(401, "invalid_credentials", "")
	}
	for _, want := range []int{1, 2, 4, 8, 10, 10} {
		c.Exec("UPDATE login_throttles SET last_failed_at = clock_timestamp() + ? * interval '1 second' WHERE subject LIKE 'account %'", webtest.Ahead)
		seconds := retryAfter(t, guess())
		if slow := want + webtest.Ahead - seconds; slow < 0 || slow > webtest.Ahead/2 {
			t.Fatalf("wait %d s, want %d", seconds-webtest.Ahead, want)
		}
		retryAfter(t, basic(stranger()))
		webtest.Same(t, "counted for networks that wait", c.Count("login_throttles WHERE subject LIKE 'network %'"), networks-1)
		networks -= 2
		basic(home).Is(200)
		c.Anonymous().From("127.2.0.2").SignIn(webtest.Admin, webtest.Password)
		c.Wait(seconds)
		guess().Refuses(401, "invalid_credentials", "")
	}
	// The right password works after the delay, and somewhere else is known from then on, for some months.
	c.Wait(10)
	away := stranger()
	basic(away).Is(200)
	c.Exec("UPDATE login_throttles SET last_failed_at = clock_timestamp() + interval '30 seconds' WHERE subject LIKE 'account %'")
	basic(away).Is(200)
	c.Exec("UPDATE sign_in_networks SET seen_at = seen_at - interval '91 days'")
	retryAfter(t, basic(away))
}
