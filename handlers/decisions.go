package handlers

import (
	"bytes"
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/models/decision"
)

// Decide answers whether a call may go on; with reserve it holds the estimate until the call is reported.
func (h *Handlers) Decide(c *gin.Context) error {
	in, err := decode[decision.Input](c)
	if err != nil {
		return err
	}
	who, question, reserve, err := in.Read()
	if err != nil {
		return err
	}
	ask := h.Engine.Decide
	if reserve {
		ask = h.Engine.Reserve
	}
	decision, err := ask(ctx(c), who, question)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	buffer.Write(decision.AppendJSON(buffer.AvailableBuffer()))
	c.Data(http.StatusOK, jsonType, buffer.Bytes())
	return nil
}
