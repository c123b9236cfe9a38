package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/models"
)

// RecordUsage counts what a gateway reports, one event or a batch; it answers when it is stored.
func (h *Handlers) RecordUsage(c *gin.Context) error {
	in, err := decode[models.UsageInput](c)
	if err != nil {
		return err
	}
	results, err := h.Recorder.Record(ctx(c), in)
	if err != nil {
		return err
	}
	if in.Events.Kind == models.Absent {
		writeJSON(c, http.StatusOK, results[0])
		return nil
	}
	statuses := map[string]int{}
	for _, result := range results {
		statuses[result.Status]++
	}
	writeJSON(c, http.StatusOK, gin.H{
		"results": results, "counted": statuses["counted"], "duplicates": statuses["duplicate"], "quarantined": statuses["quarantined"],
		"rejected": statuses["invalid"] + statuses["conflict"],
	})
	return nil
}
