package directory

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/uptrace/bun"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// Directory holds what its actions need.
type Directory struct {
	DB      *bun.DB
	Log     *slog.Logger
	BaseURL string // for the addresses of resources
	Keys    secret.Keys
	Calls   *connection.Calls // counts them; nil for nothing

	pace pace
}

// action answers a directory that may do what it asks for.
type action func(c *gin.Context, caller connection.Caller) error

// needs makes an action of a route: it identifies the directory, and refuses it without the scope; "" is any.
func (d *Directory) needs(scope string, do action) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		begun := time.Now()
		caller, err := d.identify(c)
		if err != nil {
			status, _ := answered(c, err)
			d.Calls.Count(caller.Connection, status)
			return err
		}
		if scope != "" {
			err = caller.Needs(scope)
		}
		if err == nil {
			err = do(c, caller)
		}
		d.note(c, caller, begun, err)
		return err
	}
}

// noteTime is how long it may take to note a call.
const noteTime = 2 * time.Second

// answered is the status of a call, and why it was refused.
func answered(c *gin.Context, refused error) (status int64, detail string) {
	if refused == nil {
		return int64(c.Writer.Status()), ""
	}
	if refusal, ok := problem.AsRefusal(problem.Classify(refused)); ok {
		return int64(reply.Status(refusal.Reason)), refusal.Problems[0].Message
	}
	return http.StatusInternalServerError, "Something went wrong here."
}

// note counts the call, and keeps it and the use of the token for the admins of the console. No request fails because
// they could not be kept.
func (d *Directory) note(c *gin.Context, caller connection.Caller, begun time.Time, refused error) {
	r := connection.Request{
		Method: c.Request.Method, Path: clip(c.Request.URL.Path),
		RequestID: clip(reqctx.RequestID(c)), Ms: time.Since(begun).Milliseconds(),
	}
	r.Status, r.Detail = answered(c, refused)
	d.Calls.Count(caller.Connection, r.Status)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(reqctx.Of(c)), noteTime)
	defer cancel()
	err := errors.Join(connection.NoteUse(ctx, d.DB, caller), connection.AddRequest(ctx, d.DB, caller.Connection.ID, r))
	if err != nil {
		d.Log.WarnContext(ctx, "a call of a directory could not be noted", "error", err.Error())
	}
}

// clip shortens what a client chose, and drops what cannot be stored.
func clip(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), 200)], "\x00", ""), "")
}

// identifyTime is how long it may take to look up a token: no longer than the database's limit for a statement, also
// where the work behind it may take long.
const identifyTime = 5300 * time.Millisecond

// identify checks the token of a request, and how often its connection asks. Refusals: Unauthenticated, Forbidden,
// TooMany.
func (d *Directory) identify(c *gin.Context) (connection.Caller, error) {
	headers := c.Request.Header.Values("Authorization")
	if len(headers) != 1 {
		return connection.Caller{}, identity.Unauthenticated("Send a SCIM token of this console as Bearer.")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	ctx, cancel := context.WithTimeout(reqctx.Of(c), identifyTime)
	defer cancel()
	caller, err := connection.Authenticate(ctx, d.DB, d.Keys, strings.TrimSpace(token))
	if err != nil {
		return caller, err
	}
	reqctx.SetActor(c, caller.Connection.Actor())
	return caller, d.pace.take(caller.Connection.ID)
}

// NotOffered refuses what the protocol has and this console does not.
func (d *Directory) NotOffered(c *gin.Context) error {
	return d.needs("", func(*gin.Context, connection.Caller) error {
		return problem.Refuse(problem.NotOffered, "", "not_offered", "This console does not offer this; "+
			"see /ServiceProviderConfig.")
	})(c)
}

// address is where a resource is.
func (d *Directory) address(path string) string {
	return strings.TrimSuffix(d.BaseURL, "/") + "/scim/v2/" + path
}

// noContent answers without a body.
func noContent(c *gin.Context) error {
	c.Status(http.StatusNoContent)
	return nil
}
