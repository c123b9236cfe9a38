package gateway

import (
	"bytes"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/decision"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Decide answers whether a call may go on; with reserve it holds the estimate until the call is reported. What is held
// is gone for other calls, so that a hold needs the permission to report usage.
func (g *Gateway) Decide(c *gin.Context) error {
	in, err := intake.Decode[decision.Input](c)
	if err != nil {
		return err
	}
	who, question, reserve, err := in.Read()
	if err != nil {
		return err
	}
	ask := g.Engine.Decide
	if reserve {
		if !reqctx.Actor(c).May(permission.CreateUsage) {
			return problem.Lacks(string(permission.CreateUsage))
		}
		ask = g.Engine.Reserve
	}
	decision, err := ask(reqctx.Of(c), who, question)
	if err != nil {
		return err
	}
	buffer := reply.Buffers.Get().(*bytes.Buffer)
	defer reply.Buffers.Put(buffer)
	buffer.Reset()
	buffer.Write(decision.AppendJSON(buffer.AvailableBuffer()))
	reply.Fresh(c, buffer.Bytes())
	return nil
}
