package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models"
	"tollgate/views"
)

// ListUserAccessProfiles answers the copies that a user holds.
func (h *Handlers) ListUserAccessProfiles(c *gin.Context) error {
	if err := readQuery(c).err(); err != nil {
		return err
	}
	copies, err := models.ListUserAccessProfiles(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, gin.H{"access_profiles": copies})
	return nil
}

// NewAssignment asks which profile a user is to have.
func (h *Handlers) NewAssignment(c *gin.Context) error {
	page, err := h.assignmentForm(c, models.AssignInput{}, nil)
	if err != nil {
		return err
	}
	h.html(c, http.StatusOK, page)
	return nil
}

// AssignAccessProfile gives a user a copy of a profile. When it is their first, a key is issued and its value told, this once.
func (h *Handlers) AssignAccessProfile(c *gin.Context) error {
	in, err := decode[models.AssignInput](c)
	if err == nil {
		var held models.UserAccessProfile
		var key *models.VirtualKey
		if held, key, err = models.AssignAccessProfile(ctx(c), h.DB, h.Keys, ActorOf(c), c.Param("id"), in); err == nil {
			return h.assigned(c, held, key)
		}
	}
	return h.refuseWith(c, err, func(problems models.Problems) (templ.Component, error) { return h.assignmentForm(c, in, problems) })
}

func (h *Handlers) assigned(c *gin.Context, held models.UserAccessProfile, key *models.VirtualKey) error {
	c.Header("Cache-Control", "no-store")
	if IsAPI(c) {
		writeJSON(c, http.StatusCreated, gin.H{"access_profile": held, "virtual_key": key})
		return nil
	}
	if key == nil {
		return seeOther(c, usersHref+"/"+held.UserID, held.Holder+" holds "+held.Name+" now.")
	}
	return h.showKey(c, http.StatusCreated, *key, held.Holder+" holds "+held.Name+" now, and has a first key.")
}

func (h *Handlers) assignmentForm(c *gin.Context, in models.AssignInput, problems models.Problems) (templ.Component, error) {
	user, err := models.GetUser(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	choices, err := models.ProfilesToAssign(ctx(c), h.DB, user.ID)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "Assign a profile to "+user.Name)
	markProblems(&page, problems)
	return framed(page, views.AssignmentBody(views.AssignmentForm{User: user, Input: in, Problems: problems, Profiles: choices})), nil
}

// userFrame is the frame of a page below a user.
func (h *Handlers) userFrame(c *gin.Context, user models.User, title string) views.Page {
	return h.below(c, title, "Users", usersHref, user.Name, usersHref+"/"+user.ID)
}

// heldCopy loads the copy that the address names, with its user.
func (h *Handlers) heldCopy(c *gin.Context) (models.User, models.UserAccessProfile, error) {
	var held models.UserAccessProfile
	id, err := rowIDOf(c, "copy_id")
	if err != nil {
		return models.User{}, held, err
	}
	user, err := models.GetUser(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return user, held, err
	}
	held, err = models.GetUserAccessProfile(ctx(c), h.DB, user.ID, id)
	return user, held, err
}

// EditUserAccessProfile asks when a copy ends, and whether it works meanwhile.
func (h *Handlers) EditUserAccessProfile(c *gin.Context) error {
	_, held, err := h.heldCopy(c)
	if err != nil {
		return err
	}
	page, err := h.copyForm(c, held.Input(), nil)
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
	in, err := decode[models.CopyInput](c)
	if !IsAPI(c) {
		in = in.Whole()
	}
	if err == nil {
		var held models.UserAccessProfile
		if held, err = models.ChangeUserAccessProfile(ctx(c), h.DB, ActorOf(c), c.Param("id"), id, in); err == nil {
			if IsAPI(c) {
				writeJSON(c, http.StatusOK, gin.H{"access_profile": held})
				return nil
			}
			return seeOther(c, usersHref+"/"+held.UserID, held.Name+" of "+held.Holder+" was changed.")
		}
	}
	return h.refuseWith(c, err, func(problems models.Problems) (templ.Component, error) { return h.copyForm(c, in, problems) })
}

func (h *Handlers) copyForm(c *gin.Context, in models.CopyInput, problems models.Problems) (templ.Component, error) {
	user, held, err := h.heldCopy(c)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, held.Name+" of "+user.Name)
	markProblems(&page, problems)
	return framed(page, views.CopyFormBody(views.CopyForm{Copy: held, Input: in, Problems: problems})), nil
}

// ConfirmDetach asks before a copy goes.
func (h *Handlers) ConfirmDetach(c *gin.Context) error {
	user, held, err := h.heldCopy(c)
	if err != nil {
		return err
	}
	copies, err := models.ListUserAccessProfiles(ctx(c), h.DB, user.ID)
	if err != nil {
		return err
	}
	page := h.userFrame(c, user, "Detach "+held.Name+" from "+user.Name+"?")
	h.html(c, http.StatusOK, framed(page, views.ConfirmBody(views.Confirm{
		Action: views.CopyHref(held) + "/delete", Verb: "Detach " + held.Name, Cancel: usersHref + "/" + user.ID,
		Effects: views.Detachment(user, held, len(copies) == 1, time.Now()),
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
	gone, err := models.DetachAccessProfile(ctx(c), h.DB, ActorOf(c), c.Param("id"), id)
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
		said += " It was the last profile, so " + views.Counted(len(gone.Keys), "key") + " went with it."
	}
	return seeOther(c, usersHref+"/"+c.Param("id"), said)
}

// EditOverride asks by how much a budget is raised, and for how long.
func (h *Handlers) EditOverride(c *gin.Context) error {
	page, err := h.overrideForm(c, models.OverrideInput{}, nil)
	if err != nil {
		return err
	}
	h.html(c, http.StatusOK, page)
	return nil
}

// SetOverride raises one budget of one copy.
func (h *Handlers) SetOverride(c *gin.Context) error {
	id, err := rowIDOf(c, "copy_id")
	if err != nil {
		return err
	}
	in, err := decode[models.OverrideInput](c)
	if err == nil {
		var budget models.Budget
		if budget, err = models.SetOverride(ctx(c), h.DB, ActorOf(c), c.Param("id"), id, c.Param("budget_id"), in); err == nil {
			return h.overridden(c, budget, views.OverrideSet(budget))
		}
	}
	return h.refuseWith(c, err, func(problems models.Problems) (templ.Component, error) { return h.overrideForm(c, in, problems) })
}

// ClearOverride takes an override back.
func (h *Handlers) ClearOverride(c *gin.Context) error {
	id, err := rowIDOf(c, "copy_id")
	if err != nil {
		return err
	}
	if err := noFields(c); err != nil {
		return err
	}
	budget, err := models.ClearOverride(ctx(c), h.DB, ActorOf(c), c.Param("id"), id, c.Param("budget_id"))
	if err != nil {
		return err
	}
	return h.overridden(c, budget, "The override was taken back.")
}

func (h *Handlers) overridden(c *gin.Context, budget models.Budget, said string) error {
	if !IsAPI(c) {
		return seeOther(c, usersHref+"/"+c.Param("id"), said)
	}
	writeJSON(c, http.StatusOK, gin.H{"budget": budget, "effective_max_limit": budget.Limit()})
	return nil
}

func (h *Handlers) overrideForm(c *gin.Context, in models.OverrideInput, problems models.Problems) (templ.Component, error) {
	user, held, err := h.heldCopy(c)
	if err != nil {
		return nil, err
	}
	budget, ok := held.Budget(c.Param("budget_id"))
	if !ok {
		return nil, models.Missing("budget of this copy")
	}
	page := h.userFrame(c, user, "Raise a budget of "+user.Name)
	markProblems(&page, problems)
	return framed(page, views.OverrideBody(views.OverrideForm{
		Copy: held, Budget: budget, Input: in, Problems: problems, Now: time.Now(), MayClear: true,
	})), nil
}

// AssignToUsers gives a profile to everybody ticked in the list of users.
func (h *Handlers) AssignToUsers(c *gin.Context) error {
	in, err := decode[models.BulkAssignInput](c)
	if err != nil {
		return err
	}
	done, err := models.AssignToUsers(ctx(c), h.DB, h.Keys, ActorOf(c), in)
	if err != nil {
		return err
	}
	return seeOther(c, usersHref, views.AssignedToMany(done))
}

// ListHolders shows who holds a profile, with what they have used of it.
func (h *Handlers) ListHolders(c *gin.Context) error {
	id, err := rowIDOf(c, "id")
	if err != nil {
		return err
	}
	q := readQuery(c, "limit", "offset", "search", "behind")
	limit, offset := q.page()
	wanted := models.HolderQuery{CatalogueQuery: models.CatalogueQuery{Limit: limit, Offset: offset, Search: q.search()}, ProfileID: id}
	if behind := q.boolean("behind"); behind != nil {
		wanted.Behind = *behind
	}
	if err := q.err(); err != nil {
		return err
	}
	profile, err := h.standing(c, id)
	if err != nil {
		return err
	}
	copies, total, err := models.ListHolders(ctx(c), h.DB, wanted)
	if err != nil {
		return err
	}
	page, err := h.tabbedPage(c, profile, "users")
	if err != nil {
		return err
	}
	actor := ActorOf(c)
	h.html(c, http.StatusOK, framed(page, views.HoldersBody(views.HolderList{
		Profile: profile, Search: wanted.Search, Copies: copies, Now: time.Now(), Filtered: wanted.Search != "" || wanted.Behind,
		All: views.Link{Label: "All", Href: q.link("behind", ""), On: !wanted.Behind}, Behind: views.Link{Label: "Behind", Href: q.link("behind", "true"), On: wanted.Behind},
		Pager: pager(q, limit, offset, int64(len(copies)), total, "holders"), MayViewUsers: actor.May("Users:View"), MayDetach: actor.May("AccessProfiles:Delete"),
	})))
	return nil
}

// DetachHolders takes a profile from everybody ticked, after asking.
func (h *Handlers) DetachHolders(c *gin.Context) error {
	id, err := rowIDOf(c, "id")
	if err != nil {
		return err
	}
	in, err := decode[models.BulkDetachInput](c)
	if err != nil {
		return err
	}
	profile, err := h.standing(c, id)
	if err != nil {
		return err
	}
	href := "/access-profiles/" + strconv.FormatInt(id, 10) + "/users"
	if in.Confirmed.Given() {
		n, err := models.DetachFromUsers(ctx(c), h.DB, ActorOf(c), id, in)
		if err != nil {
			return err
		}
		return seeOther(c, href, profile.Name+" was detached from "+views.Counted(n, "user")+".")
	}
	chosen, err := in.Chosen(ctx(c), h.DB, id)
	if err != nil {
		return err
	}
	page := h.profilePage(c, profile, "Detach "+profile.Name+" from "+views.Counted(len(chosen), "user")+"?")
	h.html(c, http.StatusOK, framed(page, views.DetachManyBody(href, profile, chosen)))
	return nil
}
