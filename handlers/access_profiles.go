package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// CreateAccessProfile stores a new profile, or edits the rows of the form that is making one.
func (h *Handlers) CreateAccessProfile(c *gin.Context) error {
	form, err := decodeProfile(c)
	if err == nil && form.editsRows() {
		return h.editProfileRows(c, shownForm{form: form})
	}
	if err != nil {
		return h.refuseProfile(c, shownForm{form: form}, alsoInvalid(err, form, profile.Profile{IsActive: true}))
	}
	shown, err := profile.Create(reqctx.Of(c), h.DB, reqctx.Actor(c), form.Input)
	if err != nil {
		return h.refuseProfile(c, shownForm{form: form}, err)
	}
	return savedProfile(c, http.StatusCreated, shown, shown.Name+" was created.")
}

// ShowAccessProfile answers one profile; its page shows the policy.
func (h *Handlers) ShowAccessProfile(c *gin.Context) error {
	if !reqctx.IsAPI(c) {
		shown, err := h.loadProfile(c)
		if err != nil {
			return err
		}
		return h.showProfilePage(c, shown)
	}
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	shown, found, err := h.profileShows.of(reqctx.Of(c), id, h.profileShow)
	if err != nil {
		return err
	}
	if !found {
		return problem.Missing("access profile")
	}
	documents, err := h.profileDocuments.of(reqctx.Of(c), h.DB, []profile.At{shown.At}, asDocument)
	if err != nil {
		return err
	}
	if len(documents) == 0 {
		return problem.Missing("access profile") // deleted meanwhile
	}
	attached, err := json.Marshal(shown.Roles)
	if err != nil {
		return err
	}
	setETag(c, shown.Version)
	writeDocument(
		c, http.StatusOK, `{"access_profile":`, documents[0],
		fmt.Sprintf(`,"roles":%s,"user_count":%d}`, attached, shown.Holders),
	)
	return nil
}

// UpdateAccessProfile changes the fields sent; the form's version must be the current one.
func (h *Handlers) UpdateAccessProfile(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	version, err := intake.IfMatch(c)
	if err != nil {
		return err
	}
	form, err := decodeProfile(c)
	edited := shownForm{form: form, id: id}
	if err != nil {
		return h.refuseProfile(c, edited, h.alsoInvalidNow(c, id, err, form))
	}
	if !reqctx.IsAPI(c) {
		if form.editsRows() {
			return h.editProfileRows(c, edited)
		}
		if version, err = form.version(); err != nil {
			return h.refuseProfile(c, edited, err)
		}
		if err := h.takeChosen(c, &edited, version); err != nil {
			return h.refuseProfile(c, edited, err)
		}
	}
	shown, err := profile.Update(reqctx.Of(c), h.DB, reqctx.Actor(c), id, version, edited.form.Input)
	if err != nil {
		return h.refuseProfile(c, edited, err)
	}
	if form.Op.Text == saveAndPropagate {
		return seeOther(
			c, "/access-profiles/"+strconv.FormatInt(id, 10)+"/propagate",
			shown.Name+" has version "+strconv.FormatInt(shown.Version, 10)+" now.",
		)
	}
	return savedProfile(
		c, http.StatusOK, shown, shown.Name+" was saved as version "+strconv.FormatInt(shown.Version, 10)+".",
	)
}

// DeleteAccessProfile removes a profile.
func (h *Handlers) DeleteAccessProfile(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	version, err := versionOf(c)
	if err != nil {
		return err
	}
	if err := profile.Delete(reqctx.Of(c), h.DB, reqctx.Actor(c), id, version); err != nil {
		if refusal, ok := problem.AsRefusal(err); ok && refusal.Reason == problem.Stale {
			return err // the profile changed since the user confirmed
		}
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			profile, err := h.currentProfile(c, id)
			if err != nil {
				return nil, err
			}
			return h.profileDeletion(c, profile, problems)
		})
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"message": "Access profile deleted."})
		return nil
	}
	return seeOther(c, "/access-profiles", "The profile was deleted.")
}

// ActivateAccessProfile makes a profile available for new holders.
func (h *Handlers) ActivateAccessProfile(c *gin.Context) error { return h.setActive(c, true) }

// DeactivateAccessProfile hides a profile from pickers; copies keep working.
func (h *Handlers) DeactivateAccessProfile(c *gin.Context) error { return h.setActive(c, false) }

func (h *Handlers) setActive(c *gin.Context, active bool) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	version, err := versionOf(c)
	if err != nil {
		return err
	}
	shown, err := profile.SetActive(reqctx.Of(c), h.DB, reqctx.Actor(c), id, version, active)
	if err != nil {
		return err
	}
	state := " is active now."
	if !active {
		holders, err := profile.CountHolders(reqctx.Of(c), h.DB, []int64{id})
		if err != nil {
			return err
		}
		state = " is archived: it is offered to no further user. " + stillWorking(holders[id])
	}
	return savedProfile(c, http.StatusOK, shown, shown.Name+state)
}

// stillWorking says that the copies of an archived profile keep working.
func stillWorking(copies int64) string {
	switch copies {
	case 0:
		return "No user holds a copy."
	case 1:
		return "The 1 copy of it keeps working."
	}
	return "The " + strconv.FormatInt(copies, 10) + " copies of it keep working."
}

// CloneAccessProfile stores a copy of a profile under another name.
func (h *Handlers) CloneAccessProfile(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[profile.CloneInput](c)
	if err == nil {
		var shown profile.Profile
		if shown, err = profile.Clone(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in); err == nil {
			return savedProfile(c, http.StatusCreated, shown, shown.Name+" was created as a copy.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		source, err := h.currentProfile(c, id)
		if err != nil {
			return nil, err
		}
		return h.clonePage(c, source, in, problems), nil
	})
}

func (h *Handlers) loadProfile(c *gin.Context) (profile.Profile, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return profile.Profile{}, err
	}
	return profile.Get(reqctx.Of(c), h.DB, id)
}

// savedProfile answers a change: the profile on the API, its page in the console.
func savedProfile(c *gin.Context, status int, shown profile.Profile, flash string) error {
	id := strconv.FormatInt(shown.ID, 10)
	if !reqctx.IsAPI(c) {
		return seeOther(c, "/access-profiles/"+id, flash)
	}
	if status == http.StatusCreated {
		c.Header("Location", "/api/access-profiles/"+id)
	}
	setETag(c, shown.Version)
	reply.JSON(c, status, gin.H{"access_profile": shown})
	return nil
}

func setETag(c *gin.Context, version int64) {
	c.Header("ETag", strconv.Quote(strconv.FormatInt(version, 10)))
}

// writeDocument answers with a stored document between the parts around it, as it is.
func writeDocument(c *gin.Context, status int, before string, document []byte, after string) {
	c.Header("Content-Type", "application/json; charset=utf-8")
	c.Status(status)
	for _, part := range [][]byte{[]byte(before), document, []byte(after)} {
		if _, err := c.Writer.Write(part); err != nil {
			return // the client has disconnected
		}
	}
}

// versionOf reads the version that a change without other input insists on: from If-Match on the API, from the form in
// the console, where it may be left out.
func versionOf(c *gin.Context) (*int64, error) {
	if reqctx.IsAPI(c) {
		if err := intake.NoFields(c); err != nil {
			return nil, err
		}
		return intake.IfMatch(c)
	}
	form, err := intake.DecodeEmpty[struct {
		input.Row
		BaseVersion input.Value `form:"version"`
	}](c)
	if err != nil || !form.BaseVersion.Given() {
		return nil, err
	}
	return profileForm{BaseVersion: form.BaseVersion}.version()
}
