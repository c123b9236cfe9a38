package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/openapi"
	"tollgate/handlers/reply"
	"tollgate/views"
)

// ShowOpenAPI answers the OpenAPI document of the API.
func (h *Handlers) ShowOpenAPI(c *gin.Context) error {
	document, err := openapi.Load()
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", document.JSON)
	return nil
}

// ShowAPIReference shows the same document to people.
func (h *Handlers) ShowAPIReference(c *gin.Context) error {
	document, err := openapi.Load()
	if err != nil {
		return err
	}
	operations := make([]views.APIOperation, len(document.Operations))
	for i, operation := range document.Operations {
		operations[i] = views.APIOperation(operation)
	}
	page := h.page(c, "API reference", "/settings")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.APIReferenceBody(operations, h.BaseURL)))
	return nil
}
