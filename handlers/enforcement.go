package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/models/problem"
)

// ShowEnforcement answers whether users have to sign in by an identity provider.
func (h *Handlers) ShowEnforcement(c *gin.Context) error {
	on, err := identity.Enforced(reqctx.Of(c), h.DB)
	if err == nil {
		reply.JSON(c, http.StatusOK, gin.H{"sign_in": gin.H{"enforce_sso": on}})
	}
	return err
}

// SetEnforcement says whether users have to sign in by an identity provider.
func (h *Handlers) SetEnforcement(c *gin.Context) error {
	in, err := intake.Decode[identity.Enforcement](c)
	on := false
	if err == nil {
		user, _ := reqctx.User(c)
		on, err = identity.SetEnforcement(reqctx.Of(c), h.DB, reqctx.Actor(c), user.BySSO, in)
	}
	switch {
	case err != nil:
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.providerList(c, problems)
		})
	case reqctx.IsAPI(c):
		reply.JSON(c, http.StatusOK, gin.H{"sign_in": gin.H{"enforce_sso": on}})
		return nil
	}
	return seeOther(c, signInHref, plural.Choose(on, "Passwords are refused from now on, "+
		"but those of break-glass admins.", "Passwords are accepted again."))
}
