package handlers

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/propagation"
	"tollgate/views/history"
)

const (
	// inlineCopies is how many copies a request changes itself at most; more are left to the worker.
	inlineCopies = 200
	lookEvery    = 25 * time.Millisecond
)

// propagationForm is what the console sends: the input, and the version that was looked at.
type propagationForm struct {
	propagation.Input
	BaseVersion input.Value `form:"version"`
}

// Propagate brings the copies of a profile up to date: at once when they are few, else in the background.
func (h *Handlers) Propagate(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	version, err := intake.IfMatch(c)
	if err != nil {
		return err
	}
	form, err := intake.Decode[propagationForm](c)
	in := form.Input
	if !reqctx.IsAPI(c) {
		in = in.Whole()
		if err == nil {
			version, err = profileForm{BaseVersion: form.BaseVersion}.version()
		}
	}
	if err == nil && reqctx.IsAPI(c) && in.DryRunWanted() {
		return h.dryRun(c, id, version, in)
	}
	if err == nil {
		var job propagation.Job
		if job, err = propagation.Start(reqctx.Of(c), h.DB, reqctx.Actor(c), id, version, in); err == nil {
			return h.propagate(c, job)
		}
		if done, loadErr := propagation.Applied(reqctx.Of(c), h.DB, id, in); loadErr == nil && done != nil {
			return seeOther(c, propagationHref(*done), "This preview was applied already: 0 left to change.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.propagationPage(c, in, problems)
	})
}

// propagate does the work, or waits for it as long as a request may.
func (h *Handlers) propagate(c *gin.Context, job propagation.Job) error {
	working, cancel := long(c)
	defer cancel()
	if job.Waiting < inlineCopies {
		if err := h.Propagator.Work(working, job); err != nil {
			return err
		}
		return h.propagated(c, working, job)
	}
	if err := h.Propagator.Release(working, job); err != nil {
		return err
	}
	if !reqctx.IsAPI(c) {
		return seeOther(c, propagationHref(job), "")
	}
	return h.awaitPropagation(c, working, job)
}

// awaitPropagation answers when a propagation is done, or that it is running.
func (h *Handlers) awaitPropagation(c *gin.Context, waiting context.Context, job propagation.Job) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		finished, err := propagation.Finished(waiting, h.DB, job.ID)
		if err == nil && finished {
			return h.propagated(c, waiting, job)
		}
		select {
		case <-ticker.C:
			if err != nil && waiting.Err() == nil {
				return err
			}
		case <-c.Request.Context().Done():
			return h.propagated(c, context.WithoutCancel(waiting), job)
		case <-waiting.Done():
			return h.propagated(c, context.WithoutCancel(waiting), job)
		}
	}
}

// propagated answers the state of a propagation.
func (h *Handlers) propagated(c *gin.Context, reading context.Context, job propagation.Job) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, propagationHref(job), "")
	}
	current, err := propagation.Get(reading, h.DB, job.AccessProfileID, job.ID)
	if err != nil {
		return err
	}
	return writePropagation(c, current)
}

func propagationHref(job propagation.Job) string {
	return "/access-profiles/" + strconv.FormatInt(job.AccessProfileID, 10) + "/propagate/" + strconv.FormatInt(job.ID, 10)
}

// propagationAnswer is what a propagation and its preview answer.
type propagationAnswer struct {
	AffectedUsers int                         `json:"affected_users"`
	FailedUsers   int                         `json:"failed_users"`
	SkippedUsers  int                         `json:"skipped_users"`
	UserIDs       []string                    `json:"user_ids"`
	Fields        []string                    `json:"fields"`
	Applied       bool                        `json:"applied"`
	VKSyncErrors  []string                    `json:"vk_sync_errors"` // none: keys are resolved when asked
	Job           *propagationState           `json:"job,omitempty"`
	Failed        []propagation.SkippedTarget `json:"failed"`
	Skipped       []propagation.SkippedTarget `json:"skipped"`
	MCPConflicts  []propagation.MCPConflict   `json:"mcp_conflicts"` // a whole server, and an exclude of one of its tools
	*propagation.Preview
}

// propagationState is the progress of a propagation.
type propagationState struct {
	ID        int64  `json:"id"`
	State     string `json:"state"` // "running" or "done"
	ToVersion int64  `json:"to_version"`
	Waiting   int64  `json:"waiting_users"`
}

func writePropagation(c *gin.Context, p propagation.Job) error {
	status := http.StatusOK
	if !p.Finished() {
		status = http.StatusAccepted
		c.Header("Location", "/api"+propagationHref(p))
	}
	reply.JSON(c, status, propagationAnswer{
		AffectedUsers: int(p.Done), FailedUsers: len(p.Failed), SkippedUsers: len(p.Skipped), UserIDs: p.Users,
		Fields: p.Fields, Applied: true,
		VKSyncErrors: []string{}, Failed: orEmpty(p.Failed), Skipped: orEmpty(p.Skipped), MCPConflicts: p.Conflicts,
		Job: &propagationState{p.ID, p.State, p.ToVersion, p.Waiting},
	})
	return nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// dryRun answers what a propagation would do, and changes nothing.
func (h *Handlers) dryRun(c *gin.Context, id int64, version *int64, in propagation.Input) error {
	plan, err := propagation.MakePlan(reqctx.Of(c), h.DB, id, version, in)
	if err != nil {
		return err
	}
	preview, err := plan.Preview()
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, propagationAnswer{
		AffectedUsers: plan.Affected(), SkippedUsers: len(plan.Skipped), UserIDs: plan.AffectedUsers(), Fields: plan.Fields,
		VKSyncErrors: []string{}, Failed: []propagation.SkippedTarget{}, Skipped: orEmpty(plan.Skipped),
		MCPConflicts: plan.Conflicts,
		Preview:      &preview,
	})
	return nil
}

// ShowPropagation answers the state of a propagation; its page keeps itself up to date while it runs.
func (h *Handlers) ShowPropagation(c *gin.Context) error {
	id, job, err := intake.RowIDs(c, "id", "job")
	if err != nil {
		return err
	}
	current, err := propagation.Get(reqctx.Of(c), h.DB, id, job)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writePropagation(c, current)
	}
	profile, err := h.currentProfile(c, id)
	if err != nil {
		return err
	}
	shown := history.PropagationPage{
		Profile: profile, Job: current, Href: propagationHref(current),
		MayViewUsers: reqctx.Actor(c).May(permission.ViewUsers),
		MayRetry:     reqctx.Actor(c).May(permission.CreateAccessProfiles, permission.UpdateAccessProfiles),
	}
	if reqctx.IsHTMX(c) {
		reply.HTML(c, h.Log, http.StatusOK, history.PropagationProgress(shown))
		return nil
	}
	page := h.profilePage(c, profile, "Propagation of "+profile.Name)
	if !current.Finished() {
		page.RefreshWithout = 2
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, history.PropagationProgress(shown)))
	return nil
}

// RetryPropagation repeats a propagation for only those copies for which it failed.
func (h *Handlers) RetryPropagation(c *gin.Context) error {
	id, job, err := intake.RowIDs(c, "id", "job")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	again, err := propagation.Retry(reqctx.Of(c), h.DB, reqctx.Actor(c), id, job)
	if err != nil {
		return err
	}
	return h.propagate(c, again)
}
