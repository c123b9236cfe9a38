package handlers

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/views"
)

// ConfirmPause asks before all copies of a profile are paused.
func (h *Handlers) ConfirmPause(c *gin.Context) error { return h.confirmPause(c, true) }

// ConfirmResume asks before the copies that were paused together are resumed.
func (h *Handlers) ConfirmResume(c *gin.Context) error { return h.confirmPause(c, false) }

// PauseCopies pauses all copies of a profile.
func (h *Handlers) PauseCopies(c *gin.Context) error { return h.pauseCopies(c, true) }

// ResumeCopies resumes the copies of a profile that were paused together.
func (h *Handlers) ResumeCopies(c *gin.Context) error { return h.pauseCopies(c, false) }

func (h *Handlers) confirmPause(c *gin.Context, pause bool) error {
	shown, err := h.loadProfile(c)
	if err != nil {
		return err
	}
	hit, err := assignment.CountPausable(reqctx.Of(c), h.DB, shown.ID, pause)
	if err != nil {
		return err
	}
	form := views.PauseForm{
		Profile: shown, Hit: hit, Pause: pause, MayViewUsers: reqctx.Actor(c).May(permission.ViewUsers),
	}
	page := h.profilePage(c, shown, form.Title())
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.PauseBody(form)))
	return nil
}

func (h *Handlers) pauseCopies(c *gin.Context, pause bool) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	done, err := assignment.PauseAll(reqctx.Of(c), h.DB, reqctx.Actor(c), id, pause)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{
			"affected_users": len(done.Users), "skipped_users": done.Skipped, "user_ids": done.Users,
		})
		return nil
	}
	said := plural.Of(len(done.Users), "copy", "copies") +
		plural.Choose(pause, " paused. Keys stay.", " resumed.")
	return seeOther(c, "/access-profiles/"+strconv.FormatInt(id, 10), said)
}
