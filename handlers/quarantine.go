package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/quarantine"
	"tollgate/views/traffic"
)

const quarantineHref = "/usage/quarantine"

// ListQuarantine answers reported usage whose user is not known, the newest first.
func (h *Handlers) ListQuarantine(c *gin.Context) error {
	q := intake.ReadQuery(c, "limit", "offset", "outcome")
	limit, offset := q.Page()
	wanted := quarantine.Query{Limit: limit, Offset: offset, Outcome: quarantine.Outcomes[0]}
	if outcome := q.Get("outcome"); outcome != "" {
		if wanted.Outcome = outcome; !slices.Contains(quarantine.Outcomes, outcome) {
			q.Refuse("outcome", "invalid_outcome", "Choose "+input.Either(quarantine.Outcomes)+".")
		}
	}
	if err := q.Err(); err != nil {
		return err
	}
	events, total, err := quarantine.List(reqctx.Of(c), h.DB, reqctx.Actor(c), wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "quarantined_events", events, total, database.CatalogueQuery{Limit: limit, Offset: offset})
	}
	if behindEnd(c, q, limit, offset, len(events), total) {
		return nil
	}
	charged := []string{}
	for _, event := range events {
		if event.ChargedTo != nil {
			charged = append(charged, *event.ChargedTo)
		}
	}
	names, err := h.chargedNames(c, charged...)
	if err != nil {
		return err
	}
	page := h.below(c, "Quarantined usage", "Usage", "/usage", "", "")
	page.Intro = "Usage that gateways reported for a key or a user that this console does not know."
	page.Rows = len(events) > 0
	reply.HTML(c, h.Log, http.StatusOK, framed(page, traffic.QuarantineBody(traffic.QuarantinePage{
		Events: events, ChargedTo: names, Outcome: wanted.Outcome, Link: q.Link, Now: time.Now(),
		Pager: pager(q, limit, offset, int64(len(events)), total, "calls"),
	})))
	return nil
}

// ShowQuarantined answers one event; its page has the forms that settle it.
func (h *Handlers) ShowQuarantined(c *gin.Context) error {
	event, err := quarantine.Get(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"quarantined_event": event})
		return nil
	}
	page, err := h.quarantinedPage(c, traffic.QuarantinedPage{Event: event})
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// quarantinedPage is the page of an event, with what was typed into its forms.
func (h *Handlers) quarantinedPage(c *gin.Context, shown traffic.QuarantinedPage) (templ.Component, error) {
	actor := reqctx.Actor(c)
	shown.MayUpdate, shown.MayViewUsers = actor.May(permission.UpdateUsage), actor.May(permission.ViewUsers)
	shown.Now = time.Now()
	if to := shown.Event.ChargedTo; to != nil {
		names, err := h.chargedNames(c, *to)
		if err != nil {
			return nil, err
		}
		shown.ChargedTo = names[*to]
	}
	page := h.below(c, "Quarantined call", "Usage", "/usage", "Quarantined usage", quarantineHref)
	reply.MarkProblems(&page, shown.Problems)
	return framed(page, traffic.QuarantinedBody(shown)), nil
}

// chargedNames are what users are called who were charged, as far as the actor may see users.
func (h *Handlers) chargedNames(c *gin.Context, ids ...string) (map[string]string, error) {
	if reqctx.Actor(c).May(permission.ViewUsers) {
		return identity.UserNames(reqctx.Of(c), h.DB, ids)
	}
	names := make(map[string]string, len(ids))
	for _, id := range ids {
		names[id] = "a user"
	}
	return names, nil
}

// AssignQuarantined charges an event to a user.
func (h *Handlers) AssignQuarantined(c *gin.Context) error {
	in, err := intake.Decode[quarantine.Assignment](c)
	var settled int
	if err == nil {
		if settled, err = quarantine.Assign(reqctx.Of(c), h.DB, h.Recorder, reqctx.Actor(c), c.Param("id"), in); err == nil {
			return h.settledQuarantined(c, settled, " assigned and charged.")
		}
	}
	return h.refuse(c, err, h.quarantinedAgain(c, traffic.QuarantinedPage{Assignment: in}))
}

// DismissQuarantined settles an event without a charge.
func (h *Handlers) DismissQuarantined(c *gin.Context) error {
	in, err := intake.Decode[quarantine.Dismissal](c)
	var settled int
	if err == nil {
		if settled, err = quarantine.Dismiss(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), in); err == nil {
			return h.settledQuarantined(c, settled, " dismissed.")
		}
	}
	return h.refuse(c, err, h.quarantinedAgain(c, traffic.QuarantinedPage{Dismissal: in}))
}

// settledQuarantined answers that events were settled.
func (h *Handlers) settledQuarantined(c *gin.Context, settled int, what string) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, quarantineHref, plural.Of(settled, "call")+" "+plural.Choose(settled == 1, "was", "were")+what)
	}
	event, err := quarantine.Get(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"quarantined_event": event, "settled": settled})
	return nil
}

// quarantinedAgain is the page of an event with a form that was not accepted.
func (h *Handlers) quarantinedAgain(c *gin.Context, typed traffic.QuarantinedPage) refusedPage {
	return func(problems problem.Problems) (templ.Component, error) {
		event, err := quarantine.Get(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
		if err != nil {
			return nil, err
		}
		typed.Event, typed.Problems = event, problems
		return h.quarantinedPage(c, typed)
	}
}
