package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/quota"
)

// ShowQuota answers what the user of the request's key may still use.
func (g *Gateway) ShowQuota(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	left, err := quota.Get(reqctx.Of(c), g.DB, reqctx.VirtualKey(c))
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	reply.JSON(c, http.StatusOK, left)
	return nil
}
