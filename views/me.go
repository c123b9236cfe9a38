package views

import (
	"slices"
	"time"

	"tollgate/models/accessrequest"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/virtualkey"
	"tollgate/views/traffic"
	"tollgate/views/ui"
)

// MePage is what a user may call, what is left of it, and what they can do about it themselves.
type MePage struct {
	User      identity.User
	Copies    []assignment.Assignment
	Catalogue catalogue.Catalogue
	Unpriced  int64
	Keys      []virtualkey.Own
	Refusals  traffic.RefusalRows
	Requests  []accessrequest.Request
	Password  problem.Problems // of the form for another password
	Now       time.Time
}

// nearlyUsed is the used share of a budget, in hundredths, from which its user can ask for more.
const nearlyUsed = 80

// access reads what the user's copies grant as the page of a user does.
func (p MePage) access() UserPage {
	return UserPage{User: p.User, Copies: p.Copies, Catalogue: p.Catalogue, Now: p.Now}
}

// asked reports whether a request for more of a budget waits for its answer.
func (p MePage) asked(budget string) bool {
	return slices.ContainsFunc(p.Requests, func(r accessrequest.Request) bool {
		return r.State == accessrequest.Open && r.LineID == budget
	})
}

func (p MePage) currentPassword() ui.Field {
	return ui.Typed(ui.Field{
		Name: "current_password", Label: "Current password", Type: "password", Autocomplete: "current-password",
		Required: true, Width: "medium",
	}, input.Value{}, p.Password)
}

func (p MePage) newPassword() ui.Field {
	f := newPassword("new_password", "New password")
	f.Width = "medium"
	return ui.Typed(f, input.Value{}, p.Password)
}

// OwnKeyHref is the address of a user's own key.
func OwnKeyHref(id string) string { return "/me/keys/" + id }
