package handlers

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/propagation"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

// ListUserAccessProfiles answers the copies that a user holds.
func (h *Handlers) ListUserAccessProfiles(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	copies, err := assignment.List(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"access_profiles": copies})
	return nil
}

// NewAssignment asks which profile a user is to have.
func (h *Handlers) NewAssignment(c *gin.Context) error {
	page, err := h.assignmentForm(c, assignment.AssignInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// AssignAccessProfile gives a user a copy of a profile. When they have no key, one is issued and its value shown, this
// once.
func (h *Handlers) AssignAccessProfile(c *gin.Context) error {
	in, err := intake.Decode[assignment.AssignInput](c)
	if err == nil {
		var assigned assignment.Assignment
		var key *virtualkey.Key
		assigned, key, err = assignment.Assign(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), c.Param("id"), in)
		if err == nil {
			return h.assigned(c, assigned, key)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.assignmentForm(c, in, problems)
	})
}

func (h *Handlers) assigned(c *gin.Context, assigned assignment.Assignment, key *virtualkey.Key) error {
	c.Header("Cache-Control", "no-store")
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusCreated, gin.H{"access_profile": assigned, "virtual_key": key})
		return nil
	}
	if key == nil {
		return seeOther(c, usersHref+"/"+assigned.UserID, assigned.Holder+" holds "+assigned.Name+" now.")
	}
	return h.showKey(c, http.StatusCreated, *key, assigned.Holder+" holds "+assigned.Name+" now, and has a first key.")
}

func (h *Handlers) assignmentForm(
	c *gin.Context, in assignment.AssignInput, problems problem.Problems,
) (templ.Component, error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	choices, err := propagation.ProfilesToAssign(reqctx.Of(c), h.DB, user.ID)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "Assign a profile to "+user.Name)
	reply.MarkProblems(&page, problems)
	return framed(page, views.AssignmentBody(views.AssignmentForm{
		User: user, Input: in, Problems: problems, Profiles: choices,
	})), nil
}

// userFrame is the frame of a page below a user.
func (h *Handlers) userFrame(c *gin.Context, user identity.User, title string) ui.Page {
	return h.below(c, title, "Users", usersHref, user.Name, usersHref+"/"+user.ID)
}

// copyOf loads the copy that the address names, with its user.
func (h *Handlers) copyOf(c *gin.Context) (identity.User, assignment.Assignment, error) {
	var assigned assignment.Assignment
	id, err := intake.RowID(c, "copy_id")
	if err != nil {
		return identity.User{}, assigned, err
	}
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return user, assigned, err
	}
	assigned, err = assignment.Get(reqctx.Of(c), h.DB, user.ID, id)
	return user, assigned, err
}

// EditUserAccessProfile asks when a copy ends, and whether it works meanwhile.
func (h *Handlers) EditUserAccessProfile(c *gin.Context) error {
	_, assigned, err := h.copyOf(c)
	if err != nil {
		return err
	}
	page, err := h.copyForm(c, assigned.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// ChangeUserAccessProfile pauses a copy, resumes it, or changes when it ends.
func (h *Handlers) ChangeUserAccessProfile(c *gin.Context) error {
	id, err := intake.RowID(c, "copy_id")
	if err != nil {
		return err
	}
	in, err := intake.DecodeWhole[assignment.CopyInput](c)
	if err == nil {
		var assigned assignment.Assignment
		if assigned, err = assignment.Change(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), id, in); err == nil {
			if reqctx.IsAPI(c) {
				reply.JSON(c, http.StatusOK, gin.H{"access_profile": assigned})
				return nil
			}
			return seeOther(c, usersHref+"/"+assigned.UserID, assigned.Name+" of "+assigned.Holder+" was changed.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.copyForm(c, in, problems)
	})
}

func (h *Handlers) copyForm(
	c *gin.Context, in assignment.CopyInput, problems problem.Problems,
) (templ.Component, error) {
	user, assigned, err := h.copyOf(c)
	if err != nil {
		return nil, err
	}
	var notice templ.Component = templ.NopComponent
	if renewVersion(&in.Version, assigned.Input().Version, problems) {
		notice = views.CopySavedMeanwhile(assigned)
	}
	page := h.userFrame(c, user, assigned.Name+" of "+user.Name)
	reply.MarkProblems(&page, problems)
	form := views.CopyFormBody(views.CopyForm{Copy: assigned, Input: in, Problems: problems})
	return framed(page, reply.Within(form, notice)), nil
}

// ConfirmDetach asks before a profile is detached from a user.
func (h *Handlers) ConfirmDetach(c *gin.Context) error {
	user, assigned, err := h.copyOf(c)
	if err != nil {
		return err
	}
	copies, err := assignment.List(reqctx.Of(c), h.DB, user.ID)
	if err != nil {
		return err
	}
	page := h.userFrame(c, user, "Detach "+assigned.Name+" from "+user.Name+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, ui.ConfirmBody(ui.Confirm{
		Action: views.CopyHref(assigned) + "/delete", Verb: "Detach " + assigned.Name, Cancel: usersHref + "/" + user.ID,
		Effects: views.Detachment(user, assigned, len(copies) == 1, time.Now()),
	})))
	return nil
}

// DetachAccessProfile detaches a profile from a user; with the last one their keys are deleted.
func (h *Handlers) DetachAccessProfile(c *gin.Context) error {
	id, err := intake.RowID(c, "copy_id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	gone, err := assignment.Detach(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), id)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{
			"message": gone.Name + " was detached.", "deleted_vk_names": gone.Keys, "deleted_vk_count": len(gone.Keys),
		})
		return nil
	}
	said := gone.Name + " was detached."
	if len(gone.Keys) > 0 {
		said += " It was the last profile, so " + plural.Of(len(gone.Keys), "key") + " went with it."
	}
	return seeOther(c, usersHref+"/"+c.Param("id"), said)
}
