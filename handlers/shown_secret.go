package handlers

import (
	"context"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/session"
)

// showSecret leads to the page of a new secret, which the session that made it can reload for ten minutes. Subject says
// whose secret it is.
func (h *Handlers) showSecret(c *gin.Context, subject, value, page, said string) error {
	c.Header("Cache-Control", "no-store")
	err := session.KeepShown(
		context.WithoutCancel(reqctx.Of(c)), h.DB, h.Keys, h.SessionToken(c), subject, value,
	)
	if err != nil {
		return err
	}
	return seeOther(c, page, said)
}

// shownSecret is the secret for the page that showSecret leads to; ok is false when it is not kept any more.
func (h *Handlers) shownSecret(c *gin.Context, subject string) (value string, ok bool, err error) {
	c.Header("Cache-Control", "no-store")
	return session.Shown(reqctx.Of(c), h.DB, h.Keys, h.SessionToken(c), subject)
}
