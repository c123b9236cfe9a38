package models

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// UserInput is what a client may send of a user. A new one takes role_id; later the role has an address of its own.
type UserInput struct {
	Row
	ID        Value `json:"id,readonly"`
	Name      Value `json:"name"`
	Email     Value `json:"email"`
	RoleID    Value `json:"role_id"`
	Role      Value `json:"role,readonly"` // by name, from the command line
	Password  Value `json:"password"`
	CreatedAt Value `json:"created_at,readonly"`
	UpdatedAt Value `json:"updated_at,readonly"`
}

// RoleChoice is the role that a user is to have.
type RoleChoice struct {
	Row
	RoleID Value `json:"role_id"`
}

// emailForm is all that can be said of an address without writing to it.
var emailForm = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)

// email reads an address.
func (c *checker) email(field string, v Value) (string, bool) {
	c.required(field, v, "an email address")
	email, ok := c.text(field, v, textRule{what: "an email address", max: 254})
	if ok && !emailForm.MatchString(email) {
		c.add(field, "invalid_email", "Enter an email address, such as ada@example.com.")
		return "", false
	}
	return email, ok
}

// newEmail reads the address that a user is to have. One with characters that stand for others (ﬁ, full-width letters) could be taken for
// another user's, so none is given; the one that stands may stay.
func (c *checker) newEmail(field string, v Value, stands string) (string, bool) {
	email, ok := c.email(field, v)
	if ok && email != stands && norm.NFKC.String(email) != email {
		c.add(field, "invalid_email", "Enter the email address in plain characters, without ligatures and full-width letters.")
		return "", false
	}
	return email, ok
}

// user reads the first user, who needs no name: then the part of the email before the @ is theirs.
func (c *checker) user(in UserInput) (u User, password string) {
	u.Email, _ = c.newEmail("email", in.Email, "")
	name, named := c.text("name", in.Name, textRule{what: "a name", max: 255})
	password, _ = c.password("password", in.Password, "a password")
	u.Name = name
	if !named {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	return u, password
}

// create reads a new user. Without a password they cannot sign in until one is set. The command line names the role, and may leave the
// name out.
func (in UserInput) create() (u User, password string, err error) {
	c := &checker{}
	byName := in.Role != Value{}
	if !byName {
		c.required("name", in.Name, "a name")
	}
	u.Name, _ = c.text("name", in.Name, textRule{what: "a name", max: 255})
	u.Email, _ = c.newEmail("email", in.Email, "")
	if byName {
		c.required("role", in.Role, "a role")
		u.Role, _ = c.text("role", in.Role, textRule{what: "a role", max: 255})
	} else {
		u.RoleID = c.role("role_id", in.RoleID)
	}
	if in.Password.Kind != Absent {
		password, _ = c.password("password", in.Password, "a password")
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	return u, password, invalid(c.found)
}

// apply returns the user that results when a field sent replaces that of u and a field left out keeps it.
func (in UserInput) apply(u User) (User, error) {
	c := &checker{}
	if name, ok := c.text("name", in.Name, textRule{what: "a name", max: 255}); ok {
		u.Name = name
	}
	if in.Email.Kind != Absent {
		if email, ok := c.newEmail("email", in.Email, u.Email); ok {
			u.Email = email
		}
	}
	if stays := strconv.FormatInt(u.RoleID, 10); in.RoleID.Kind != Absent && (in.RoleID.Kind != Number && !in.RoleID.Typed || in.RoleID.Text != stays) {
		c.add("role_id", "read_only", "Leave the role as it is here; PUT it to /api/users/{id}/role.")
	}
	if in.Password.Kind != Absent {
		c.password("password", in.Password, "a password")
	}
	return u, invalid(c.found)
}

// role reads the id of a role, 0 when it is none.
func (c *checker) role(field string, v Value) int64 {
	switch v.Kind {
	case Absent:
		c.add(field, "required", "Choose a role.")
	case Null:
		c.add(field, "null_not_allowed", "Choose a role instead of null.")
	}
	id, _ := c.count(field, v, "the role's id", 1, MaxCount)
	return id
}

// Whole makes an input of a form: a field that was sent empty is empty, not left out. A password left empty is none.
func (in UserInput) Whole() UserInput {
	in.Name, in.Email = sentEmpty(in.Name), sentEmpty(in.Email)
	return in
}

// Input is what a person would have typed to make u.
func (u User) Input() UserInput {
	return UserInput{Name: Typed(u.Name), Email: Typed(u.Email), RoleID: Typed(strconv.FormatInt(u.RoleID, 10))}
}
