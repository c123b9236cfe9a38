// Package handlers answers the console's pages and the JSON API: each action is one function for both doors.
package handlers

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/access"
	"tollgate/models/blocked"
	"tollgate/models/connection"
	"tollgate/models/decision"
	"tollgate/models/ledger"
	"tollgate/models/password"
	"tollgate/models/profile"
	"tollgate/models/propagation"
	"tollgate/models/refusal"
	"tollgate/models/replica"
	"tollgate/models/report"
	"tollgate/models/schema"
	"tollgate/models/secret"
	"tollgate/models/signin"
	"tollgate/models/usage"
)

// Handlers holds what the actions need; the program makes one.
type Handlers struct {
	DB *bun.DB
	// Replica is a standby that answers reports and lists; nil for none.
	Replica *replica.Replica
	Log     *slog.Logger
	BaseURL string // for links that leave the console, such as the curl lines
	Secure  bool   // the console is reached by https
	Keys    secret.Keys
	// Passwords does all hashing, so that its limits hold for the whole program.
	Passwords password.Hasher
	// MCPPrivate lets discovery reach loopback and private addresses.
	MCPPrivate bool
	// SignIns signs users in by identity providers.
	SignIns *signin.Service
	// SCIMCalls counts what directories call.
	SCIMCalls *connection.Calls
	// Propagator propagates profiles to many copies in the background.
	Propagator *propagation.Worker
	// Cache holds what decisions need to know, Engine decides for gateways, and Recorder counts what they report.
	Cache    *access.Cache
	Engine   *decision.Engine
	Recorder *usage.Recorder
	// Refusals is the log of what Engine decides.
	Refusals *refusal.Log
	// Metrics are those of this process.
	Metrics prometheus.Gatherer
	// About is what Settings shows about this installation.
	About About
	// Watch keeps what pages of usage read again and again.
	Watch report.Watch

	reports          reportTurns
	blocked          blocked.Watch
	profileShows     batched[int64, profile.Shown]
	profileListings  batched[bool, profileListing]
	profileDocuments profileCache[json.RawMessage]
	profileRows      profileCache[listedProfile]
	firstStepsDone   atomic.Bool                  // they stay done
	schema           atomic.Pointer[schema.State] // as Ready has read it last
	stopping         atomic.Bool
}

// About describes the running program.
type About struct {
	Version, Database string
	Warnings          []string // of what is wrong with how the program was set up
	Keep              ledger.Keep
}

// Func is an action: it answers, or returns why not.
type Func func(c *gin.Context) error

// Handle makes a gin handler of an action; what it returns is answered and logged in one place.
func (h *Handlers) Handle(action Func) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := action(c); err != nil {
			h.Fail(c, err)
		}
	}
}

// WithoutQuery makes an action of the API refuse every query parameter.
func WithoutQuery(action Func) Func {
	return func(c *gin.Context) error {
		if err := intake.ReadQuery(c).Err(); err != nil {
			return err
		}
		return action(c)
	}
}

// TakeBody reads the body for the action behind it. It comes before the action, because a body that is neither JSON nor
// a form, or is too large, is refused before anything else is checked.
func (h *Handlers) TakeBody(c *gin.Context) {
	most := int64(intake.MaxBody)
	if strings.Contains(c.FullPath(), "/config/") {
		most = intake.MaxDocuments
	}
	if err := intake.TakeBody(c, most); err != nil {
		h.Fail(c, err)
	}
}

// longest is how long one request may take that changes the copies of thousands.
const longest = 60 * time.Second

// long is for such a request: its work is not cancelled when the client disconnects.
func long(c *gin.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(reqctx.Of(c)), longest)
}
