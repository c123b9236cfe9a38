package handlers

import (
	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/permission"
)

// refuseTicked is refuse for an act on the ticked rows of a list. Only an actor who may see the list gets it back.
func (h *Handlers) refuseTicked(c *gin.Context, view permission.Permission, err error, show refusedPage) error {
	if !reqctx.Actor(c).May(view) {
		return err
	}
	return h.refuse(c, err, show)
}

// texts are the values of a list as they were sent.
func texts(sent input.List[input.Value]) []string {
	all := make([]string, len(sent.Items))
	for i, value := range sent.Items {
		all[i] = value.Text
	}
	return all
}
