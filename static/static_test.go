package static

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/andybalholm/brotli"
)

func get(t *testing.T, method, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestHandlerServesEachEncodingOfTheSameBytes(t *testing.T) {
	for encoding, open := range map[string]func(io.Reader) (io.Reader, error){
		"":                 func(r io.Reader) (io.Reader, error) { return r, nil },
		"gzip, br;q=0":     func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"gzip, br, zstd":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		"identity, BR;q=1": func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	} {
		t.Run(encoding, func(t *testing.T) {
			res := get(t, http.MethodGet, URL("console.css"), encoding)
			body, err := open(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			css, err := io.ReadAll(body)
			if err != nil || string(css) != string(stylesheet()) {
				t.Errorf("%d bytes, %v, want the stylesheet", len(css), err)
			}
			if got := res.Header.Get("Content-Type"); got != "text/css; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			if got := res.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

func TestHandlerAnswersOnlyWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, URL("console.js"), 200},
		{http.MethodHead, URL("console.js"), 200},
		{http.MethodPost, URL("console.js"), 405},
		{http.MethodGet, "/static/console.js", 404},
		{http.MethodGet, "/static/static.go", 404},
		{http.MethodGet, "/static/", 404},
	} {
		res := get(t, c.method, c.path, "")
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, res.StatusCode, c.want)
		}
		if c.method == http.MethodHead && len(body) > 0 {
			t.Errorf("HEAD %s: %d bytes of body", c.path, len(body))
		}
	}
}
