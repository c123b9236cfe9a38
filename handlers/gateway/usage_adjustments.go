package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/adjustment"
)

// AdjustUsage takes a part of an event's charge back.
func (g *Gateway) AdjustUsage(c *gin.Context) error {
	in, err := intake.Decode[adjustment.Input](c)
	if err != nil {
		return err
	}
	made, created, err := adjustment.Adjust(reqctx.Of(c), g.DB, g.Cache, reqctx.Actor(c), in)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	reply.JSON(c, status, gin.H{"adjustment": made})
	return nil
}
