package handlers

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	given "tollgate/models/handout"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/secret"
	"tollgate/models/setting"
	"tollgate/views/handout"
	"tollgate/views/ui"
)

func handoutHref(profileID int64) string {
	return "/access-profiles/" + strconv.FormatInt(profileID, 10) + "/give"
}

// NewHandout asks who is to get a profile.
func (h *Handlers) NewHandout(c *gin.Context) error {
	page, err := h.handoutForm(c, given.Input{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) handoutForm(c *gin.Context, in given.Input, problems problem.Problems) (templ.Component, error) {
	page, shown, err := h.handoutFrame(c, "Give ", " to…")
	if err != nil {
		return nil, err
	}
	if !shown.IsActive {
		body := handout.ArchivedBody(shown, reqctx.Actor(c).May(permission.UpdateAccessProfiles))
		return framed(page, body), nil
	}
	reply.MarkProblems(&page, problems)
	return framed(page, handout.FormBody(handout.Form{Href: handoutHref(shown.ID), Input: in, Problems: problems})), nil
}

func (h *Handlers) handoutFrame(c *gin.Context, before, after string) (ui.Page, profile.Profile, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return ui.Page{}, profile.Profile{}, err
	}
	shown, err := profile.Get(reqctx.Of(c), h.DB, id)
	if err != nil {
		return ui.Page{}, shown, err
	}
	href := "/access-profiles/" + strconv.FormatInt(id, 10)
	return h.below(c, before+shown.Name+after, "Profiles", "/access-profiles", shown.Name, href), shown, nil
}

// PreviewHandout says line by line who would get a profile.
func (h *Handlers) PreviewHandout(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[given.Input](c)
	if err == nil && in.Edit.Given() {
		page, err := h.handoutForm(c, in, nil)
		if err != nil {
			return err
		}
		reply.HTML(c, h.Log, http.StatusOK, page)
		return nil
	}
	if err == nil {
		var plan given.Plan
		if plan, err = given.Preview(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in); err == nil {
			token, _ := secret.NewToken()
			in.Token = input.FormValue(token)
			page, _, err := h.handoutFrame(c, "Give ", " to these users?")
			if err != nil {
				return err
			}
			c.Header("Cache-Control", "no-store")
			reply.HTML(c, h.Log, http.StatusOK, framed(page, handout.PreviewBody(handout.Preview{
				Href: handoutHref(id), Plan: plan, Input: in,
			})))
			return nil
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.handoutForm(c, in, problems)
	})
}

// Handout gives a profile to many users, known or new, and answers the keys that were issued, this once.
func (h *Handlers) Handout(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[given.Input](c)
	if err == nil && reqctx.IsAPI(c) && in.DryRun.Text == "true" {
		var plan given.Plan
		if plan, err = given.Preview(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in); err == nil {
			answerHandout(c, plan, false)
			return nil
		}
	}
	if err == nil {
		var plan given.Plan
		if plan, err = given.Give(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), id, in); err == nil {
			if reqctx.IsAPI(c) {
				answerHandout(c, plan, true)
				return nil
			}
			return h.showHandout(c, id, plan, in.Token.Text)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.handoutForm(c, in, problems)
	})
}

func answerHandout(c *gin.Context, plan given.Plan, applied bool) {
	c.Header("Cache-Control", "no-store")
	reply.JSON(c, http.StatusOK, gin.H{
		"applied": applied, "new_users": plan.Count(given.New), "given": plan.Count(given.Given),
		"already_held": plan.Count(given.Already), "lines": plan.Lines,
	})
}

// showHandout leads to the page of the keys, which the session that issued them can reload for ten minutes.
func (h *Handlers) showHandout(c *gin.Context, id int64, plan given.Plan, token string) error {
	lines, err := json.Marshal(plan.Lines)
	if err != nil {
		return err
	}
	name := handoutName(token)
	return h.showSecret(c, handoutSubject(id, name), string(lines), handoutHref(id)+"/"+name, "")
}

// handoutName is what the page of a handout is called, made from its token so that it tells nothing of it.
func handoutName(token string) string {
	if token == "" {
		token, _ = secret.NewToken()
	}
	return hex.EncodeToString(secret.HashToken(token)[:8])
}

func handoutSubject(id int64, name string) string {
	return "handout/" + strconv.FormatInt(id, 10) + "/" + name
}

// shownHandout are the lines of a handout that the session carried out in the last ten minutes.
func (h *Handlers) shownHandout(c *gin.Context) (lines []given.Line, ok bool, err error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return nil, false, err
	}
	value, shown, err := h.shownSecret(c, handoutSubject(id, c.Param("handout")))
	if err != nil || !shown {
		return nil, false, err
	}
	return lines, true, json.Unmarshal([]byte(value), &lines)
}

// ShowHandout shows who got a profile, with the keys that were issued.
func (h *Handlers) ShowHandout(c *gin.Context) error {
	page, shown, err := h.handoutFrame(c, "", " was given")
	if err != nil {
		return err
	}
	lines, ok, err := h.shownHandout(c)
	if err != nil {
		return err
	}
	if !ok {
		return seeOther(c, "/access-profiles/"+strconv.FormatInt(shown.ID, 10)+"/users",
			"The keys cannot be shown any more. If one is lost, rotate it.")
	}
	gateway, err := setting.GatewayAddress(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, handout.ResultBody(handout.Result{
		Profile: shown, Lines: lines, Gateway: gateway, CSV: handoutHref(shown.ID) + "/" + c.Param("handout") + "/keys.csv",
		MaySetGateway: reqctx.Actor(c).May(permission.UpdateSettings),
	})))
	return nil
}

// ExportHandout answers the keys of a handout as a file.
func (h *Handlers) ExportHandout(c *gin.Context) error {
	lines, ok, err := h.shownHandout(c)
	if err != nil {
		return err
	}
	if !ok {
		return problem.Missing("page any more; the keys were shown once")
	}
	gateway, err := setting.GatewayAddress(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	file := newCSV(c, "keys.csv", true, true, "name", "email", "virtual_key", "gateway_address")
	for _, line := range lines {
		if line.Key == nil {
			continue
		}
		if err := file.write(line.Name, line.Email, line.Key.Value, gateway); err != nil {
			return err
		}
	}
	return file.end()
}

// SetGatewayAddress changes where users' programs reach the gateway.
func (h *Handlers) SetGatewayAddress(c *gin.Context) error {
	in, err := intake.DecodeWhole[setting.Input](c)
	if err == nil {
		var address string
		if address, err = setting.SetGatewayAddress(reqctx.Of(c), h.DB, reqctx.Actor(c), in); err == nil {
			if reqctx.IsAPI(c) {
				answerSettings(c, address)
				return nil
			}
			return seeOther(c, "/settings", "The gateway's address was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.settingsWith(c, problems, in.GatewayAddress.Text)
	})
}

func answerSettings(c *gin.Context, address string) {
	var value *string
	if address != "" {
		value = &address
	}
	reply.JSON(c, http.StatusOK, gin.H{"settings": gin.H{"gateway_address": value}})
}

// ShowSettings answers what is set for the whole console.
func (h *Handlers) ShowSettings(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	address, err := setting.GatewayAddress(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	answerSettings(c, address)
	return nil
}
