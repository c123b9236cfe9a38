package handlers

import (
	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/session"
)

// passwordChoice is what the page of a user sends to set their password.
type passwordChoice struct {
	input.Row
	Password input.Value `json:"password"`
}

// SetUserPassword gives a user another password and ends their sessions.
func (h *Handlers) SetUserPassword(c *gin.Context) error {
	id := c.Param("id")
	in, err := intake.Decode[passwordChoice](c)
	if err == nil {
		in.Password.Kind = input.String // left empty or out, it is too short
		var user identity.User
		if user, err = h.changeUser(c, id, identity.UserInput{Password: in.Password}); err == nil {
			return seeOther(c, usersHref+"/"+id, user.Name+" has a new password and was signed out everywhere.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.userPage(c, id, "", problems)
	})
}

// changeUser saves, and starts a new session for a user whose own sessions the new password has just ended.
func (h *Handlers) changeUser(c *gin.Context, id string, in identity.UserInput) (identity.User, error) {
	user, err := account.UpdateUser(reqctx.Of(c), h.DB, &h.Passwords, reqctx.Actor(c), id, in)
	if self, known := reqctx.User(c); err != nil || !known || self.ID != id || !in.Password.Given() {
		return user, err
	}
	token, err := session.Start(reqctx.Of(c), h.DB, id, "")
	if err != nil {
		return user, err
	}
	h.setSession(c, token)
	return user, nil
}
