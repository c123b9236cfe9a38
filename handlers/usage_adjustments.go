package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/models/usage"
)

// AdjustUsage takes a part of an event's charge back.
func (h *Handlers) AdjustUsage(c *gin.Context) error {
	in, err := decode[usage.AdjustmentInput](c)
	if err != nil {
		return err
	}
	adjustment, created, err := h.Recorder.Adjust(ctx(c), h.DB, ActorOf(c), in)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(c, status, gin.H{"adjustment": adjustment})
	return nil
}
