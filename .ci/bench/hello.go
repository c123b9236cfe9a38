package main

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// serveHello answers every request with the same bytes: those that it was sent last.
func serveHello(ctx context.Context, addr string) error {
	var answer atomic.Value
	answer.Store([]byte("{}"))
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { c.Status(http.StatusOK) })
	engine.PUT("/", answering(func(c *gin.Context) error {
		body, err := io.ReadAll(c.Request.Body)
		answer.Store(body)
		return err
	}))
	engine.POST("/", answering(func(c *gin.Context) error {
		if _, err := io.ReadAll(c.Request.Body); err != nil {
			return err
		}
		c.Data(http.StatusOK, "application/json; charset=utf-8", answer.Load().([]byte))
		return nil
	}))
	return listen(ctx, addr, engine)
}
