package e2e

import (
	"net/http"
	"testing"
)

// TestAPIKey creates a key, reloads its page, copies its secret, uses it, and deletes it.
func TestAPIKey(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/settings")
	s.click(s.link("API keys"))
	s.click(s.link("New API key").First())
	s.fill("Name", "Copier")
	s.click(s.button("Create key"))
	s.focused(s.Locator("#problems"))
	s.holds("Name", "Copier")
	s.tick("Profiles: View")
	s.click(s.button("Create key"))
	s.sees(s.heading("Copy the key now"))
	_, err := s.Reload()
	s.must(err)
	secret, err := s.Locator("#secret").TextContent()
	s.must(err)
	copier := s.role("region", "Copy the key now").GetByRole("button")
	if s.copies(copier, secret); len(secret) < 40 {
		t.Fatalf("the secret has %d characters", len(secret))
	}
	s.click(copier) // while it still says that it has copied
	s.gone(s.text("Copied"))
	if status := s.console.ask(t, secret, "/api/access-profiles"); status != http.StatusOK {
		t.Errorf("the key is answered %d", status)
	}

	for _, path := range []string{"/settings/api-keys", "/access-profiles"} {
		s.to(path)
		s.gone(s.GetByText(secret))
	}
	s.back()
	s.back()
	s.sees(s.Locator("#secret").GetByText(secret)) // for ten minutes
	s.to("/settings/api-keys")
	s.click(s.link("Delete Copier…"))
	s.click(s.button("Delete Copier"))
	s.sees(s.text("Copier was deleted. It no longer works."))
	if status := s.console.ask(t, secret, "/api/access-profiles"); status != http.StatusUnauthorized {
		t.Errorf("the deleted key is answered %d", status)
	}
}

// ask reads a path with a key.
func (c *console) ask(t *testing.T, key, path string) (status int) {
	t.Helper()
	answer, _ := repeated(t, func() (*http.Response, error) {
		request, err := http.NewRequestWithContext(t.Context(), "GET", c.url+path, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+key)
		return http.DefaultClient.Do(request)
	})
	return answer.StatusCode
}

// TestTheme checks that the theme is kept in the browser, from page to page.
func TestTheme(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/settings")
	s.click(s.Locator(".user-menu > summary"))
	s.click(s.button("Dark"))
	s.to("/access-profiles")
	s.must(expect(s.Locator("html")).ToHaveAttribute("data-theme", "dark"))
	s.click(s.Locator(".user-menu > summary"))
	s.must(expect(s.button("Dark")).ToHaveAttribute("aria-pressed", "true"))
	s.click(s.button("System"))
	s.must(expect(s.Locator("html[data-theme]")).ToHaveCount(0))
}
