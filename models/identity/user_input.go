package identity

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/problem"
)

// UserInput is what a client may send of a user. A new one may take role_id; later the role has an address of its own.
type UserInput struct {
	input.Row
	ID        input.Value `json:"id,readonly"`
	Name      input.Value `json:"name"`
	Email     input.Value `json:"email"`
	RoleID    input.Value `json:"role_id"`
	Role      input.Value `json:"role,readonly"` // by name, from the command line
	Password  input.Value `json:"password"`
	Version   input.Value `form:"version"`
	CreatedAt input.Value `json:"created_at,readonly"`
	UpdatedAt input.Value `json:"updated_at,readonly"`

	DeactivatedAt input.Value `json:"deactivated_at,readonly"`
	BreakGlass    input.Value `json:"break_glass,readonly"`
	ConnectionID  input.Value `json:"connection_id,readonly"`
}

// RoleChoice is the role that a user is to have.
type RoleChoice struct {
	input.Row
	RoleID input.Value `json:"role_id"`
}

// emailForm is the form of an email address. Whether mail arrives there is not checked.
var emailForm = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)

// ReadEmail reads an address.
func ReadEmail(c *input.Reader, field string, v input.Value) (string, bool) {
	c.Required(field, v, "an email address")
	email, ok := c.Text(field, v, input.TextRule{What: "an email address", Max: 254})
	if ok && !emailForm.MatchString(email) {
		c.Add(field, "invalid_email", "Enter an email address, such as ada@example.com.")
		return "", false
	}
	return email, ok
}

// ReadNewEmail reads the address that a user is to have. One with compatibility characters (ﬁ, full-width letters)
// could be mistaken for another user's, and one with marks is a name and an address, so both are rejected; a stored one
// may stay.
func ReadNewEmail(c *input.Reader, field string, v input.Value, stands string) (string, bool) {
	email, ok := ReadEmail(c, field, v)
	if ok && email != stands && strings.ContainsAny(email, `<>()[],;:"\\`) {
		c.Add(field, "invalid_email", "Enter only the email address, such as ada@example.com, without a name or marks.")
		return "", false
	}
	if ok && email != stands && norm.NFKC.String(email) != email {
		c.Add(
			field, "invalid_email", "Enter the email address in plain characters, without ligatures and full-width letters.",
		)
		return "", false
	}
	return email, ok
}

// ReadUser reads the first user, who needs no name: then the part of the email before the @ is theirs.
func ReadUser(c *input.Reader, in UserInput) (u User, typed string) {
	u.Email, _ = ReadNewEmail(c, "email", in.Email, "")
	name, named := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255})
	typed, _ = password.Read(c, "password", in.Password, "a password")
	u.Name = name
	if !named {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	return u, typed
}

// Create reads a new user. Without a password they cannot sign in until one is set, and without role_id they get
// DefaultRole. The command line names the role, and may leave the name out.
func (in UserInput) Create() (u User, typed string, err error) {
	c := &input.Reader{}
	byName := in.Role != input.Value{}
	if !byName {
		c.Required("name", in.Name, "a name")
	}
	u.Name, _ = c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255})
	u.Email, _ = ReadNewEmail(c, "email", in.Email, "")
	if byName {
		c.Required("role", in.Role, "a role")
		u.Role, _ = c.Text("role", in.Role, input.TextRule{What: "a role", Max: 255})
	} else if in.RoleID.Kind == input.Absent {
		u.Role = DefaultRole
	} else {
		u.RoleID = ReadRole(c, "role_id", in.RoleID)
	}
	if in.Password.Kind != input.Absent {
		typed, _ = password.Read(c, "password", in.Password, "a password")
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	return u, typed, problem.InvalidInput(c.Problems)
}

// Apply returns the user that results when a field sent replaces that of u and a field left out keeps it. Refusals:
// those of input.Fresh, Invalid.
func (in UserInput) Apply(u User) (User, error) {
	if err := input.Fresh(in.Version, input.Version(u.UpdatedAt)); err != nil {
		return u, err
	}
	c := &input.Reader{}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok {
		u.Name = name
	}
	if in.Email.Kind != input.Absent {
		if email, ok := ReadNewEmail(c, "email", in.Email, u.Email); ok {
			u.Email = email
		}
	}
	if stays := strconv.FormatInt(u.RoleID, 10); in.RoleID.Kind != input.Absent &&
		(in.RoleID.Kind != input.Number && !in.RoleID.FromForm || in.RoleID.Text != stays) {
		c.Add("role_id", "read_only", "Leave the role as it is here; PUT it to /api/users/{id}/role.")
	}
	if in.Password.Kind != input.Absent {
		password.Read(c, "password", in.Password, "a password")
	}
	return u, problem.InvalidInput(c.Problems)
}

// ReadRole reads the id of a role, 0 when it is none.
func ReadRole(c *input.Reader, field string, v input.Value) int64 {
	switch v.Kind {
	case input.Absent:
		c.Add(field, "required", "Choose a role.")
	case input.Null:
		c.Add(field, "null_not_allowed", "Choose a role instead of null.")
	}
	id, _ := c.Int(field, v, "the role's id", 1, input.MaxCount)
	return id
}

// Whole completes an input from a form: a field sent empty is empty, not absent. An empty password is none.
func (in UserInput) Whole() UserInput {
	in.Name, in.Email = input.SubmittedEmpty(in.Name), input.SubmittedEmpty(in.Email)
	in.Version = input.SentVersion(in.Version)
	return in
}

// Input returns the form input that describes u.
func (u User) Input() UserInput {
	return UserInput{
		Name:    input.FormValue(u.Name),
		Email:   input.FormValue(u.Email),
		RoleID:  input.FormValue(strconv.FormatInt(u.RoleID, 10)),
		Version: input.Version(u.UpdatedAt),
	}
}
