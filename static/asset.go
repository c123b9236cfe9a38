package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// An asset is one file in every encoding that it is offered in; each is made when it is first asked for.
type asset struct {
	path, contentType string
	plain             []byte
	brotli, gzip      func() []byte
}

func newAsset(name string, body []byte) *asset {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return &asset{
		path:        strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext,
		contentType: contentTypes[ext],
		plain:       body,
		brotli:      sync.OnceValue(func() []byte { return compressBrotli(body) }),
		gzip:        sync.OnceValue(func() []byte { return compressGzip(body) }),
	}
}

// contentTypes is our own, because the types a system knows differ from machine to machine.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	switch accepted := r.Header.Get("Accept-Encoding"); {
	case accepts(accepted, "br"):
		h.Set("Content-Encoding", "br")
		body = a.brotli()
	case accepts(accepted, "gzip"):
		h.Set("Content-Encoding", "gzip")
		body = a.gzip()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the visitor may have left
}

// accepts reads Accept-Encoding: the coding is named and not refused with q=0.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, found := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if !found {
			return true
		}
		value, err := strconv.ParseFloat(q, 64)
		return err == nil && value > 0
	}
	return false
}

// Writing to a bytes.Buffer cannot fail, so neither can these.

func compressBrotli(body []byte) []byte {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, 9)
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

func compressGzip(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}
