package connection

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// Input is what a client may send of a connection.
type Input struct {
	input.Row
	ID            input.Value             `json:"id,readonly"`
	Name          input.Value             `json:"name"`
	DefaultRoleID input.Value             `json:"default_role_id"`
	EmailDomains  input.List[input.Value] `json:"email_domains"`
	RetentionDays input.Value             `json:"retention_days"`
	IsEnabled     input.Value             `json:"is_enabled"`
	Version       input.Value             `form:"version"`
	DefaultRole   input.Value             `json:"default_role,readonly"`
	Users         input.Value             `json:"users,readonly"`
	Tokens        input.Value             `json:"tokens,readonly"`
	CreatedAt     input.Value             `json:"created_at,readonly"`
	UpdatedAt     input.Value             `json:"updated_at,readonly"`
}

const (
	maxDomains        = 100
	mostRetentionDays = 365
	usualRetention    = 30
)

var domain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

// apply returns the connection that results when a field sent replaces that of c. Refusal: Invalid.
func (in Input) apply(c Connection) (Connection, error) {
	r := &input.Reader{}
	in.readName(r, &c)
	if c.ID == 0 || in.DefaultRoleID.Kind != input.Absent {
		c.DefaultRoleID = identity.ReadRole(r, "default_role_id", in.DefaultRoleID)
	}
	in.readRest(r, &c)
	return c, problem.InvalidInput(r.Problems)
}

// readName reads the name, and sets the defaults of a new connection.
func (in Input) readName(r *input.Reader, c *Connection) {
	if c.ID == 0 {
		r.Required("name", in.Name, "a name")
		c.RetentionDays, c.IsEnabled, c.EmailDomains = usualRetention, true, []string{}
	}
	if name, ok := r.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok && name != c.Name {
		c.Name, c.NameKey = name, input.NameKey(name)
	}
}

// readRest reads what is neither the name nor the default role.
func (in Input) readRest(r *input.Reader, c *Connection) {
	if in.EmailDomains.Kind != input.Absent {
		c.EmailDomains = readDomains(r, in.EmailDomains)
	}
	if in.RetentionDays.Kind == input.Null {
		r.Add("retention_days", "null_not_allowed", "Give the number of days instead of null.")
	}
	if days, ok := r.Int("retention_days", in.RetentionDays, "the number of days", 1, mostRetentionDays); ok {
		c.RetentionDays = days
	}
	if on, ok := r.Bool("is_enabled", in.IsEnabled); ok {
		c.IsEnabled = on
	}
}

// readDomains reads domains of addresses; each counts once.
func readDomains(r *input.Reader, l input.List[input.Value]) []string {
	domains := []string{}
	if !input.CheckList(r, "email_domains", l, maxDomains, "domains") {
		return domains
	}
	for i, v := range l.Items {
		name := ReadDomain(r, input.Index("email_domains", i), v)
		if name != "" && !slices.Contains(domains, name) {
			domains = append(domains, name)
		}
	}
	return domains
}

// ReadDomain reads a domain of addresses, "" when it is none.
func ReadDomain(r *input.Reader, field string, v input.Value) string {
	name := strings.ToLower(strings.TrimSpace(v.Text))
	switch {
	case v.Kind == input.Absent:
	case v.Kind == input.Null:
		r.Add(field, "null_not_allowed", "Give a domain instead of null.")
	case v.Kind != input.String:
		r.Add(field, "wrong_type", "Give a domain as text, such as example.com.")
	case len(name) > 253 || !domain.MatchString(name):
		r.Add(field, "invalid_domain", "Give a domain, such as example.com.")
	default:
		return name
	}
	return ""
}

// Whole completes an input from a form, which shows every field: a domain a line, and the tick for enabled.
func (in Input) Whole() Input {
	in.Name, in.RetentionDays = input.SubmittedEmpty(in.Name), input.SubmittedEmpty(in.RetentionDays)
	in.EmailDomains = input.Split(in.EmailDomains, "\n")
	in.Version = input.SentVersion(in.Version)
	if in.IsEnabled.Kind == input.Absent {
		in.IsEnabled = input.FormValue("false")
	}
	return in
}

// Input returns the form input that describes c.
func (c Connection) Input() Input {
	return Input{
		Name: input.FormValue(c.Name), DefaultRoleID: input.FormValue(strconv.FormatInt(c.DefaultRoleID, 10)),
		EmailDomains: input.TypedList(c.EmailDomains), RetentionDays: input.FormValue(strconv.FormatInt(c.RetentionDays, 10)),
		IsEnabled: input.FormValue(strconv.FormatBool(c.IsEnabled)), Version: input.Version(c.UpdatedAt),
	}
}

// NewInput is the form input of a connection that is yet to be made.
func NewInput() Input {
	return Input{RetentionDays: input.FormValue(strconv.Itoa(usualRetention)), IsEnabled: input.FormValue("true")}
}
