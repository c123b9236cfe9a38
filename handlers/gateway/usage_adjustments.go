package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/usage"
)

// AdjustUsage takes a part of an event's charge back.
func (g *Gateway) AdjustUsage(c *gin.Context) error {
	in, err := intake.Decode[usage.AdjustmentInput](c)
	if err != nil {
		return err
	}
	adjustment, created, err := g.Recorder.Adjust(reqctx.Of(c), g.DB, reqctx.Actor(c), in)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	reply.JSON(c, status, gin.H{"adjustment": adjustment})
	return nil
}
