package telemetry

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/models/problem"
)

// maxBody is how many bytes a body may have, as it is sent and as it is unpacked. Prompts are a part of it.
const maxBody = 4 << 20

// maxItems is how many logs or spans a body may have, many times what exporters send at once. An item of one byte takes
// hundreds of bytes in memory and in the answer.
const maxItems = 10_000

// maxParts is how many attributes, events and links a span or a resource may have.
const maxParts = 10_000

// The media types that are read here.
const (
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
	typeNDJSON   = "application/x-ndjson"
)

// TakesBody reports a route whose action reads the body itself.
func TakesBody(route string) bool {
	return route == TracesPath || route == LiteLLMPath || strings.HasSuffix(route, "/usage/litellm")
}

// readBody returns the body, unpacked, and its media type, which is one of those given. Refusals: UnsupportedMedia,
// TooLarge, Unreadable.
func readBody(c *gin.Context, types ...string) (body []byte, media string, err error) {
	media, _, err = mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || !slices.Contains(types, media) {
		return nil, "", problem.Refuse(problem.UnsupportedMedia, "", "unsupported_media_type",
			"Send the body as "+strings.Join(types, " or ")+".")
	}
	from, err := unpacked(c)
	if err != nil {
		return nil, "", err
	}
	body, err = io.ReadAll(io.LimitReader(from, maxBody+1))
	switch {
	case err != nil:
		return nil, "", unread(err)
	case len(body) > maxBody:
		return nil, "", tooLarge()
	}
	return body, media, nil
}

func unpacked(c *gin.Context) (io.Reader, error) {
	from := http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	switch strings.ToLower(strings.Join(c.Request.Header.Values("Content-Encoding"), ",")) {
	case "", "identity":
		return from, nil
	case "gzip":
		body, err := gzip.NewReader(from)
		if err != nil {
			return nil, unread(err)
		}
		return body, nil
	}
	return nil, problem.Refuse(problem.UnsupportedMedia, "", "unsupported_content_encoding",
		"Send the body with gzip or without Content-Encoding.")
}

func unread(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return tooLarge()
	}
	return intake.Unreadable("", "incomplete_body", "Send the whole body: it ended early, or is not packed as it says.")
}

func tooMany(items string) error {
	return problem.Refuse(problem.TooLarge, "", "too_many_items",
		"Send at most "+strconv.Itoa(maxItems)+" "+items+" at once.")
}

func tooLarge() error {
	return problem.Refuse(problem.TooLarge, "", "body_too_large", "Send at most 4 MiB, as it is and unpacked.")
}
