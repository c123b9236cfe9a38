package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/identity"
	"tollgate/models/problem"
)

const usersHref = "/users"

// CreateUser adds a user.
func (h *Handlers) CreateUser(c *gin.Context) error {
	in, err := intake.DecodeWhole[identity.UserInput](c)
	if err == nil {
		var user identity.User
		if user, err = account.CreateUser(reqctx.Of(c), h.DB, &h.Passwords, reqctx.Actor(c), in); err == nil {
			return saved(c, http.StatusCreated, "user", user, usersHref+"/"+user.ID, user.Name+" was added.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.userForm(c, identity.User{}, in, problems)
	})
}

// ShowUser answers one user; the page lets the role and the password be changed.
func (h *Handlers) ShowUser(c *gin.Context) error {
	if reqctx.IsAPI(c) {
		user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
		if err != nil {
			return err
		}
		reply.JSON(c, http.StatusOK, gin.H{"user": user})
		return nil
	}
	page, err := h.userPage(c, c.Param("id"), "", nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateUser changes the fields sent.
func (h *Handlers) UpdateUser(c *gin.Context) error {
	id := c.Param("id")
	in, err := intake.DecodeWhole[identity.UserInput](c)
	if err == nil {
		var user identity.User
		if user, err = h.changeUser(c, id, in); err == nil {
			return saved(c, http.StatusOK, "user", user, usersHref+"/"+id, user.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		user, err := identity.GetUser(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.userForm(c, user, in, problems)
	})
}

// DeleteUser removes a user with their sessions and API keys.
func (h *Handlers) DeleteUser(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	user, err := account.DeleteUser(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.userDeletion(c, problems)
		})
	}
	return deleted(c, user.Name, usersHref)
}
