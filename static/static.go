// Package static holds the console's stylesheet, scripts and drawings and serves them from memory.
package static

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
)

//go:embed *.css *.js *.svg all:vendor
var files embed.FS

const prefix = "/static/"

// URL is the path of a file, with its fingerprint in the name: the answer may be kept for ever.
// The whole stylesheet is one file, console.css.
func URL(name string) string {
	if a, ok := assets().byName[name]; ok {
		return prefix + a.path
	}
	return prefix + name
}

// Check says what is missing from this build, before a visitor finds out.
func Check() error {
	for _, name := range []string{"htmx.min.js", "swagger-ui-bundle.js", "swagger-ui.css"} {
		if _, err := fs.Stat(files, "vendor/"+name); err != nil {
			return fmt.Errorf("static/vendor/%s was not there when the console was built: run make assets and build again", name)
		}
	}
	return nil
}

// Handler serves GET and HEAD of fingerprinted paths below /static/.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets().byPath[strings.TrimPrefix(r.URL.Path, prefix)]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
		default:
			a.serve(w, r)
		}
	})
}

type bundle struct{ byName, byPath map[string]*asset }

var assets = sync.OnceValue(func() bundle {
	b := bundle{byName: map[string]*asset{}, byPath: map[string]*asset{}}
	add := func(name string, body []byte) {
		a := newAsset(name, body)
		b.byName[name], b.byPath[a.path] = a, a
	}
	add("console.css", stylesheet())
	for _, name := range glob("*.js", "*.svg", "vendor/*.js", "vendor/*.css") {
		add(name[strings.LastIndexByte(name, '/')+1:], read(name))
	}
	return b
})

// stylesheet joins the components: layers.css first, since it fixes the order of the layers, then by name.
func stylesheet() []byte {
	names := glob("*.css")
	names = slices.DeleteFunc(names, func(name string) bool { return name == "layers.css" })
	var css []byte
	for _, name := range slices.Insert(names, 0, "layers.css") {
		css = append(css, read(name)...)
	}
	return css
}

func glob(patterns ...string) []string {
	var names []string
	for _, pattern := range patterns {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			panic(err) // only a malformed pattern of ours
		}
		names = append(names, found...)
	}
	return names
}

func read(name string) []byte {
	body, err := files.ReadFile(name)
	if err != nil {
		panic(err) // only a name that the embedding itself listed
	}
	return body
}
