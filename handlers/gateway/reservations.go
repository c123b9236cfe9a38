package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/decision"
	"tollgate/models/input"
)

// RenewReservation extends a hold; a caller does so while its call is running.
func (g *Gateway) RenewReservation(c *gin.Context) error {
	id, err := reservationOf(c)
	if err != nil {
		return err
	}
	in, err := intake.DecodeEmpty[decision.RenewalInput](c)
	if err != nil {
		return err
	}
	lease, err := in.Read()
	if err != nil {
		return err
	}
	renewed, err := g.Engine.Renew(reqctx.Of(c), id, lease)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"reservation": renewed})
	return nil
}

// ReleaseReservation ends the hold of a call that was not made, or failed.
func (g *Gateway) ReleaseReservation(c *gin.Context) error {
	id, err := reservationOf(c)
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	if err := g.Engine.Release(reqctx.Of(c), id); err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"message": "The reservation is released."})
	return nil
}

// reservationOf reads a hold's id, which may have slashes in it, from the path.
func reservationOf(c *gin.Context) (string, error) {
	id := strings.TrimPrefix(c.Param("id"), "/")
	if !input.IsGatewayID(id) {
		return "", intake.Unreadable("", "invalid_reservation_id",
			"Use the reservation's id: 1 to 255 visible ASCII characters.")
	}
	return id, nil
}
