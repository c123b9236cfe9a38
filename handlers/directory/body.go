package directory

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

const (
	maxUserBody  = 1 << 20
	maxGroupBody = 4 << 20
)

// read reads the body of a request. Without a Content-Type it is taken for JSON, as Okta sends it. Refusals:
// UnsupportedMedia, TooLarge, Invalid.
func read(c *gin.Context, most int64) (scim.Value, error) {
	if err := readable(c.Request.Header); err != nil {
		return scim.Value{}, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, most))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return scim.Value{}, problem.Refuse(problem.TooLarge, "", "body_too_large",
			"Send at most "+strconv.FormatInt(most>>20, 10)+" MiB.")
	case err != nil:
		return scim.Value{}, problem.Refuse(problem.Invalid, "", scim.InvalidSyntax,
			"Send the whole body: the connection ended early.")
	case input.LoneSurrogate(body):
		return scim.Value{}, problem.Refuse(problem.Invalid, "", scim.InvalidSyntax,
			`Write \u escapes of surrogates in pairs.`)
	}
	return scim.Parse(body)
}

// readable refuses a body of another kind.
func readable(header http.Header) error {
	if strings.Join(header.Values("Content-Encoding"), "") != "" {
		return problem.Refuse(problem.UnsupportedMedia, "", "unsupported_content_encoding",
			"Send the body without Content-Encoding.")
	}
	sent := header.Values("Content-Type")
	if len(sent) == 0 {
		return nil
	}
	media, params, err := mime.ParseMediaType(sent[0])
	charset := params["charset"]
	if len(sent) > 1 || err != nil || media != "application/scim+json" && media != "application/json" ||
		charset != "" && !strings.EqualFold(charset, "utf-8") {
		return problem.Refuse(problem.UnsupportedMedia, "", "unsupported_media_type",
			"Send the body as application/scim+json in UTF-8.")
	}
	return nil
}

var versionTag = regexp.MustCompile(`^(?:W/)?"([0-9]{1,18})"$`)

// ifMatch reads the version that a change is meant for; nil for any. A tag that no version has fits none.
func ifMatch(c *gin.Context) *int64 {
	tag := c.GetHeader("If-Match")
	if tag == "" || tag == "*" {
		return nil
	}
	version := int64(-1)
	if found := versionTag.FindStringSubmatch(tag); found != nil {
		version, _ = strconv.ParseInt(found[1], 10, 64) // it has digits only, and few enough
	}
	return &version
}

func tag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// known reports whether the client has a version already.
func known(c *gin.Context, version int64) bool {
	for sent := range strings.SplitSeq(c.GetHeader("If-None-Match"), ",") {
		if strings.TrimSpace(sent) == tag(version) {
			return true
		}
	}
	return false
}
