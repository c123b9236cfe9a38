package handlers

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models/assignment"
	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/propagation"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

// ListUserAccessProfiles answers the copies that a user holds.
func (h *Handlers) ListUserAccessProfiles(c *gin.Context) error {
	if err := readQuery(c).err(); err != nil {
		return err
	}
	copies, err := assignment.List(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, gin.H{"access_profiles": copies})
	return nil
}

// NewAssignment asks which profile a user is to have.
func (h *Handlers) NewAssignment(c *gin.Context) error {
	page, err := h.assignmentForm(c, assignment.AssignInput{}, nil)
	if err != nil {
		return err
	}
	h.html(c, http.StatusOK, page)
	return nil
}

// AssignAccessProfile gives a user a copy of a profile. When it is their first, a key is issued and its value shown,
// this once.
func (h *Handlers) AssignAccessProfile(c *gin.Context) error {
	in, err := decode[assignment.AssignInput](c)
	if err == nil {
		var assigned assignment.Assignment
		var key *virtualkey.Key
		if assigned, key, err = assignment.Assign(ctx(c), h.DB, h.Keys, ActorOf(c), c.Param("id"), in); err == nil {
			return h.assigned(c, assigned, key)
		}
	}
	return h.refuseWith(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.assignmentForm(c, in, problems)
	})
}

func (h *Handlers) assigned(c *gin.Context, assigned assignment.Assignment, key *virtualkey.Key) error {
	c.Header("Cache-Control", "no-store")
	if IsAPI(c) {
		writeJSON(c, http.StatusCreated, gin.H{"access_profile": assigned, "virtual_key": key})
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
	user, err := identity.GetUser(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	choices, err := propagation.ProfilesToAssign(ctx(c), h.DB, user.ID)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "Assign a profile to "+user.Name)
	markProblems(&page, problems)
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
	id, err := rowIDOf(c, "copy_id")
	if err != nil {
		return identity.User{}, assigned, err
	}
	user, err := identity.GetUser(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return user, assigned, err
	}
	assigned, err = assignment.Get(ctx(c), h.DB, user.ID, id)
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
	h.html(c, http.StatusOK, page)
	return nil
}

// ChangeUserAccessProfile pauses a copy, resumes it, or changes when it ends.
func (h *Handlers) ChangeUserAccessProfile(c *gin.Context) error {
	id, err := rowIDOf(c, "copy_id")
	if err != nil {
		return err
	}
	in, err := decode[assignment.CopyInput](c)
	if !IsAPI(c) {
		in = in.Whole()
	}
	if err == nil {
		var assigned assignment.Assignment
		if assigned, err = assignment.Change(ctx(c), h.DB, ActorOf(c), c.Param("id"), id, in); err == nil {
			if IsAPI(c) {
				writeJSON(c, http.StatusOK, gin.H{"access_profile": assigned})
				return nil
			}
			return seeOther(c, usersHref+"/"+assigned.UserID, assigned.Name+" of "+assigned.Holder+" was changed.")
		}
	}
	return h.refuseWith(c, err, func(problems problem.Problems) (templ.Component, error) {
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
	page := h.userFrame(c, user, assigned.Name+" of "+user.Name)
	markProblems(&page, problems)
	return framed(page, views.CopyFormBody(views.CopyForm{Copy: assigned, Input: in, Problems: problems})), nil
}

// ConfirmDetach asks before a copy goes.
func (h *Handlers) ConfirmDetach(c *gin.Context) error {
	user, assigned, err := h.copyOf(c)
	if err != nil {
		return err
	}
	copies, err := assignment.List(ctx(c), h.DB, user.ID)
	if err != nil {
		return err
	}
	page := h.userFrame(c, user, "Detach "+assigned.Name+" from "+user.Name+"?")
	h.html(c, http.StatusOK, framed(page, ui.ConfirmBody(ui.Confirm{
		Action: views.CopyHref(assigned) + "/delete", Verb: "Detach " + assigned.Name, Cancel: usersHref + "/" + user.ID,
		Effects: views.Detachment(user, assigned, len(copies) == 1, time.Now()),
	})))
	return nil
}

// DetachAccessProfile takes a copy from a user, and with their last one their keys.
func (h *Handlers) DetachAccessProfile(c *gin.Context) error {
	id, err := rowIDOf(c, "copy_id")
	if err != nil {
		return err
	}
	if err := noFields(c); err != nil {
		return err
	}
	gone, err := assignment.Detach(ctx(c), h.DB, ActorOf(c), c.Param("id"), id)
	if err != nil {
		return err
	}
	if IsAPI(c) {
		writeJSON(c, http.StatusOK, gin.H{
			"message": gone.Name + " was detached.", "deleted_vk_names": gone.Keys, "deleted_vk_count": len(gone.Keys),
		})
		return nil
	}
	said := gone.Name + " was detached."
	if len(gone.Keys) > 0 {
		said += " It was the last profile, so " + ui.Counted(len(gone.Keys), "key") + " went with it."
	}
	return seeOther(c, usersHref+"/"+c.Param("id"), said)
}
