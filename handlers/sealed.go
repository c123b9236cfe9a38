package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/session"
	"tollgate/views"
)

const (
	// A form that was sent without a session is kept for this long, in the page that asks to sign in again.
	sealedFor = 30 * time.Minute
	// A longer one is not kept.
	longestSealed = 256 << 10
	formPurpose   = "form sent without a session"
)

// secretFields are never kept: passwords, keys and credentials are typed again.
var secretFields = []string{
	"password", "current_password", "new_password", "virtual_key", "credential_value", "q",
	"code",
}

// sealedForm is a form as it was sent.
type sealedForm struct {
	Path   string    `json:"path"`
	Fields []pair    `json:"fields"`
	At     time.Time `json:"at"`
}

type pair struct{ Name, Value string }

// SignInAgain answers a form that was sent without a session by the way to sign in. What was typed comes along, sealed
// for the user whose session it was.
func (h *Handlers) SignInAgain(c *gin.Context, cause error) {
	refusal, ok := problem.AsRefusal(cause)
	err := intake.TakeBody(c, intake.MaxBody)
	if err != nil || !ok {
		h.Fail(c, cause)
		return
	}
	c.Abort()
	form := views.LoginForm{Input: session.LoginInput{Next: input.FormValue(pageBehind(c))}, Again: true}
	if form.Input.Sealed, err = h.seal(c, reqctx.Body(c)); err != nil {
		h.Fail(c, err)
		return
	}
	form.Kept = form.Input.Sealed.Text != ""
	page := h.page(c, "Sign in again", "")
	page.User = nil
	page.ErrorCode = refusal.Problems[0].Code
	reply.HTML(c, h.Log, http.StatusUnauthorized, framed(page, views.LoginBody(form)))
}

// seal is the form of a request, sealed for the user whose session ended; empty when it cannot be kept.
func (h *Handlers) seal(c *gin.Context, body []byte) (input.Value, error) {
	user, err := session.FormerUser(reqctx.Of(c), h.DB, h.SessionToken(c))
	if err != nil || user == "" || len(body) > longestSealed {
		return input.Value{}, err
	}
	form := sealedForm{Path: c.Request.URL.RequestURI(), At: time.Now()}
	for part := range strings.SplitSeq(string(body), "&") {
		name, value, _ := strings.Cut(part, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if part != "" && nameErr == nil && valueErr == nil && !slices.Contains(secretFields, name) {
			form.Fields = append(form.Fields, pair{name, value})
		}
	}
	plain, err := json.Marshal(form)
	if err != nil {
		return input.Value{}, err
	}
	sealed, err := h.Keys.Seal(plain, formPurpose, user)
	return input.FormValue(base64.RawURLEncoding.EncodeToString(sealed)), err
}

// unseal returns the form that was sealed for a user, if it is not too old.
func (h *Handlers) unseal(text, user string) (form sealedForm, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return form, false
	}
	plain, err := h.Keys.Open(sealed, formPurpose, user)
	if err != nil || json.Unmarshal(plain, &form) != nil {
		return form, false
	}
	return form, time.Since(form.At) < sealedFor
}

// carryOn shows the kept form to a user who has signed in again, so that they can send it.
func (h *Handlers) carryOn(c *gin.Context, user identity.User, in session.LoginInput) error {
	form, ok := h.unseal(in.Sealed.Text, user.ID)
	if !ok {
		return seeOther(c, localPath(in.Next.Text), "You are signed in. What was typed before could not be kept.")
	}
	c.Header("Cache-Control", "no-store")
	reqctx.SetActor(c, user.Actor())
	reqctx.SetUser(c, user)
	page := h.page(c, "Carry on", "")
	kept := views.KeptForm{Action: form.Path, Back: localPath(in.Next.Text)}
	for _, field := range form.Fields {
		kept.Names, kept.Values = append(kept.Names, field.Name), append(kept.Values, field.Value)
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.CarryOnBody(kept)))
	return nil
}

// pageBehind is the page that a request was sent from, to come back to after signing in.
func pageBehind(c *gin.Context) string {
	from := c.GetHeader("HX-Current-URL")
	if from == "" {
		from = c.GetHeader("Referer")
	}
	address, err := url.Parse(from)
	if err != nil || from == "" || address.Host != c.Request.Host {
		return "/"
	}
	return localPath(address.RequestURI())
}

// loginLink leads to the page to sign in on, and back.
func loginLink(next string) string {
	if next == "/" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {next}}.Encode()
}
