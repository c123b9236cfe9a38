package directory

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/uptrace/bun"

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

	pace pace
}

// action answers a directory that may do what it asks for.
type action func(c *gin.Context, caller connection.Caller) error

// needs makes an action of a route: it identifies the directory, and refuses it without the scope; "" is any.
func (d *Directory) needs(scope string, do action) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		caller, err := d.identify(c)
		if err != nil {
			return err
		}
		if scope != "" {
			if err := caller.Needs(scope); err != nil {
				return err
			}
		}
		return do(c, caller)
	}
}

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
	caller, err := connection.Authenticate(reqctx.Of(c), d.DB, d.Keys, strings.TrimSpace(token))
	if err != nil {
		return caller, err
	}
	reqctx.SetActor(c, caller.Connection.Actor())
	return caller, d.pace.take(caller.Connection.ID)
}

// NotOffered refuses what the protocol has and this console does not.
func (d *Directory) NotOffered(c *gin.Context) error {
	return d.needs("", func(*gin.Context, connection.Caller) error {
		return problem.Refuse(problem.NotOffered, "", "not_offered", "This console does not offer this; see /ServiceProviderConfig.")
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
