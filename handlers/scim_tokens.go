package handlers

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/connection"
	"tollgate/models/problem"
	"tollgate/views/provisioning"
	"tollgate/views/ui"
)

// CreateSCIMToken makes a token of a connection and answers its secret, this once.
func (h *Handlers) CreateSCIMToken(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	in, err := intake.Decode[connection.TokenInput](c)
	if err == nil {
		var token connection.Token
		var value string
		token, value, err = connection.CreateToken(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), of.ID, in)
		if err == nil {
			return h.showSCIMToken(c, of, token, value)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.connectionPage(c, of, connectionPage{token: in, problems: problems})
	})
}

func (h *Handlers) showSCIMToken(c *gin.Context, of connection.Connection, token connection.Token, value string) error {
	if reqctx.IsAPI(c) {
		c.Header("Cache-Control", "no-store")
		reply.JSON(c, http.StatusCreated, gin.H{"scim_token": token, "token": value})
		return nil
	}
	page := connectionHref(of.ID) + "/tokens/" + strconv.FormatInt(token.ID, 10) + "/value"
	return h.showSecret(c, tokenSubject(token), value, page, "A token for "+of.Name+" was made.")
}

func tokenSubject(token connection.Token) string {
	return "scim_token/" + strconv.FormatInt(token.ID, 10)
}

// loadToken returns a connection and the token of it that the path names.
func (h *Handlers) loadToken(c *gin.Context) (of connection.Connection, token connection.Token, err error) {
	id, tokenID, err := intake.RowIDs(c, "id", "token_id")
	if err != nil {
		return of, token, err
	}
	if of, err = connection.Get(reqctx.Of(c), h.DB, id); err != nil {
		return of, token, err
	}
	token, err = connection.GetToken(reqctx.Of(c), h.DB, id, tokenID)
	return of, token, err
}

// ShowSCIMTokenValue shows the secret of a token to the session that made it, for ten minutes.
func (h *Handlers) ShowSCIMTokenValue(c *gin.Context) error {
	of, token, err := h.loadToken(c)
	if err != nil {
		return err
	}
	value, shown, err := h.shownSecret(c, tokenSubject(token))
	if err != nil {
		return err
	}
	if !shown {
		return seeOther(c, connectionHref(of.ID),
			"The value of the token cannot be shown any more. If it is lost, delete the token and make another.")
	}
	page := h.connectionFrame(c, "Token of "+of.Name, of)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, provisioning.TokenBody(of, value, h.scimAddress())))
	return nil
}

// ConfirmDeleteSCIMToken asks before a token is deleted.
func (h *Handlers) ConfirmDeleteSCIMToken(c *gin.Context) error {
	of, token, err := h.loadToken(c)
	if err != nil {
		return err
	}
	page := h.connectionFrame(c, "Delete token "+token.TokenPrefix+"…?", of)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, ui.ConfirmBody(ui.Confirm{
		Action: connectionHref(of.ID) + "/tokens/" + strconv.FormatInt(token.ID, 10) + "/delete",
		Verb:   "Delete token", Cancel: connectionHref(of.ID),
		Effects: []string{"A directory that sends the token " + token.TokenPrefix + "… is refused from that moment on."},
	})))
	return nil
}

// DeleteSCIMToken revokes a token at once.
func (h *Handlers) DeleteSCIMToken(c *gin.Context) error {
	id, tokenID, err := intake.RowIDs(c, "id", "token_id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	token, err := connection.DeleteToken(reqctx.Of(c), h.DB, reqctx.Actor(c), id, tokenID)
	if err != nil {
		return err
	}
	return deleted(c, "The token "+token.TokenPrefix+"…", connectionHref(id))
}
