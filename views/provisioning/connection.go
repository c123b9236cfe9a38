package provisioning

import (
	"strconv"
	"strings"
	"time"

	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/views/ui"
)

const listHref = "/settings/provisioning"

func href(id int64) string { return listHref + "/" + strconv.FormatInt(id, 10) }

// Form is a connection as it was filled in; ID is 0 for a new one.
type Form struct {
	ID       int64
	Input    connection.Input
	Problems problem.Problems
	Roles    []identity.Role
	Actor    permission.Actor
}

func (f Form) action() string {
	if f.ID == 0 {
		return listHref
	}
	return href(f.ID)
}

// roles offers those that a directory may hand out, as far as the actor may.
func (f Form) roles() []ui.Option {
	options := []ui.Option{{Label: "Choose a role", Chosen: f.Input.DefaultRoleID.Text == ""}}
	for _, role := range f.Roles {
		id := strconv.FormatInt(role.ID, 10)
		o := ui.Option{Value: id, Label: role.Name, Chosen: id == f.Input.DefaultRoleID.Text}
		switch {
		case o.Chosen:
		case permission.Administrative(role.Permissions):
			o.Disabled, o.Label = true, role.Name+" (administers the console)"
		case !identity.Covers(f.Actor, role.Permissions):
			o.Disabled, o.Label = true, role.Name+" (permits more than you may do)"
		}
		options = append(options, o)
	}
	return options
}

func (f Form) summary() []ui.ProblemLink { return ui.LineLinks(f.Problems, "email_domains") }

// Page is one connection with what the actor may change.
type Page struct {
	connection.Connection
	Address   string // of SCIM here
	MayUpdate bool
	// MayHandOver is true for those who may also change users.
	MayHandOver bool
	Token       connection.TokenInput // as it was filled in
	Domain      input.Value           // the same, of users to hand over
	Problems    problem.Problems
	Now         time.Time
}

// full reports that no more token can be made.
func (p Page) full() bool {
	valid := 0
	for _, token := range p.Tokens {
		if !token.Expired(p.Now) {
			valid++
		}
	}
	return valid >= connection.MaxTokens
}

// links is the summary of a new token.
func (p Page) links() []ui.ProblemLink {
	return ui.ListLinks(ui.ProblemLinks(p.Problems), p.Problems, "scopes")
}

// scopes are the tick boxes of a new token, all ticked unless some were chosen.
func (p Page) scopes() ui.Choice {
	labels := map[string]string{
		connection.ReadUsers: "Read users", connection.WriteUsers: "Create, change and deactivate users",
		connection.ReadGroups: "Read groups", connection.WriteGroups: "Create and change groups",
	}
	c := ui.Choice{Name: "scopes", Legend: "Scopes", Error: ui.FirstBelow(p.Problems, "scopes")}
	for _, scope := range connection.Scopes {
		chosen := p.Token.Scopes.Kind == input.Absent
		for _, v := range p.Token.Scopes.Items {
			chosen = chosen || v.Text == scope
		}
		c.Options = append(c.Options, ui.Option{Value: scope, Label: labels[scope], Chosen: chosen})
	}
	return c
}

func domains(c connection.Connection) string {
	if len(c.EmailDomains) == 0 {
		return "any"
	}
	return strings.Join(c.EmailDomains, ", ")
}

func tokenHref(connectionID, token int64) string {
	return href(connectionID) + "/tokens/" + strconv.FormatInt(token, 10)
}

func scopeWords(token connection.Token) string {
	if len(token.Scopes) == len(connection.Scopes) {
		return "everything"
	}
	return strings.Join(token.Scopes, ", ")
}

// Deletion says what the deletion of a connection does.
func Deletion(c connection.Connection) []string {
	effects := []string{"The directory is refused from that moment on, with every token."}
	if c.Users > 0 {
		effects = append(effects, plural.Of(c.Users, "user")+" of it stay as they are, "+
			"with their roles and profiles, and are "+
			"managed here from then on. Those who are deactivated stay so.")
	}
	return effects
}

// lastUsed is when a token of a connection was used last.
func lastUsed(c connection.Connection) (last *time.Time) {
	for _, token := range c.Tokens {
		if used := token.LastUsedAt; used != nil && (last == nil || used.After(*last)) {
			last = used
		}
	}
	return last
}

// rowFrame lets those edit and delete who may update the settings.
func rowFrame(l ui.ListFrame) ui.ListFrame {
	l.MayDelete = l.MayUpdate
	return l
}
