package scim

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"tollgate/models/input"
)

// User is what is kept of a user of a directory.
type User struct {
	UserName   string `json:"-"`
	ExternalID string `json:"-"`
	Active     bool   `json:"-"`

	DisplayName string            `json:"displayName,omitempty"`
	Name        map[string]string `json:"name,omitempty"`
	Emails      []Email           `json:"emails,omitempty"`
	Enterprise  map[string]string `json:"enterprise,omitempty"`
}

// Email is an address of a user, of whom each type has one at most.
type Email struct {
	Value   string `json:"value"`
	Type    string `json:"type,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

// The parts of a name and of the enterprise extension that are kept, in lower case, with their spelling.
var (
	nameParts = map[string]string{
		"formatted": "formatted", "familyname": "familyName", "givenname": "givenName", "middlename": "middleName",
		"honorificprefix": "honorificPrefix", "honorificsuffix": "honorificSuffix",
	}
	enterpriseParts = map[string]string{
		"department": "department", "costcenter": "costCenter", "employeenumber": "employeeNumber",
	}
)

// maxDocument is how long the stored part of a user may be.
const maxDocument = 16 << 10

// ReadUser reads a whole user. Active stays as it was when it is left out: directories that deactivate by replacing a
// user send it only then. Refusal: Invalid.
func ReadUser(root Value, active bool) (User, error) {
	u := User{Active: active}
	err := eachMember(root, func(at Path, v Value) error { return u.set("replace", at, v) })
	if err == nil {
		err = u.check()
	}
	return u, err
}

// Patched is the user after all operations. Refusal: Invalid.
func (u User) Patched(operations []Operation) (User, error) {
	u = u.clone()
	for _, o := range operations {
		if err := o.each(u.set); err != nil {
			return u, err
		}
	}
	return u, u.check()
}

func (u User) clone() User {
	copied := u
	copied.Name, copied.Enterprise = cloned(u.Name), cloned(u.Enterprise)
	copied.Emails = append([]Email(nil), u.Emails...)
	return copied
}

func cloned(m map[string]string) map[string]string {
	c := map[string]string{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// Same reports whether nothing differs.
func (u User) Same(other User) bool {
	return u.UserName == other.UserName && u.ExternalID == other.ExternalID && u.Active == other.Active &&
		u.Document() == other.Document()
}

// Document is the stored part of a user.
func (u User) Document() string {
	text, err := json.Marshal(u)
	if err != nil {
		panic(err) // texts and booleans always encode
	}
	return string(text)
}

func (u User) check() error {
	types := map[string]bool{}
	for _, e := range u.Emails {
		switch {
		case e.Value == "":
			return refuse(InvalidValue, "emails", "Give each address a value.")
		case types[fold(e.Type)]:
			return refuse(InvalidValue, "emails", "Send one address of each type.")
		}
		types[fold(e.Type)] = true
	}
	switch {
	case u.UserName == "":
		return refuse(InvalidValue, "userName", "Send a userName.")
	case len(u.Document()) > maxDocument:
		return refuse(InvalidValue, "", "Send at most 16 KiB about a user.")
	}
	return nil
}

// Address is the address of a user in this console: that of work, else the primary one, else the userName.
func (u User) Address() string {
	address := u.UserName
	for _, e := range u.Emails {
		if e.Primary {
			address = e.Value
		}
	}
	for _, e := range u.Emails {
		if fold(e.Type) == "work" {
			address = e.Value
		}
	}
	return address
}

// Called is the name of a user in this console.
func (u User) Called() string {
	whole := strings.TrimSpace(u.Name["givenName"] + " " + u.Name["familyName"])
	before, _, _ := strings.Cut(u.UserName, "@")
	return input.Tidy(cmp.Or(input.Tidy(u.DisplayName), input.Tidy(u.Name["formatted"]), whole, before))
}

// set does one change. Attributes that are not kept are passed over, but roles are refused: a role that is taken and
// not enforced would be worse.
func (u *User) set(op string, at Path, v Value) error {
	switch at.Attr {
	case "username":
		return setText(op, "userName", v, &u.UserName, true)
	case "externalid":
		return setText(op, "externalId", v, &u.ExternalID, false)
	case "displayname":
		return setText(op, "displayName", v, &u.DisplayName, false)
	case "active":
		return u.setActive(op, v)
	case "name":
		return setParts(op, at, v, nameParts, &u.Name)
	case enterprise:
		return setParts(op, at, v, enterpriseParts, &u.Enterprise)
	case "emails":
		return u.setEmails(op, at, v)
	case "roles", "entitlements":
		return refuseRoles(op, at, v)
	}
	return nil
}

func refuseRoles(op string, at Path, v Value) error {
	kind := InvalidValue
	if at.Where != nil || at.Sub != "" {
		kind = InvalidPath
	}
	if op == "remove" || v.Kind == input.Null || v.Kind == input.Array && len(v.Items) == 0 {
		return nil
	}
	return refuse(kind, at.Attr, "Map groups to roles in the console instead of sending "+at.Attr+".")
}

func (u *User) setActive(op string, v Value) error {
	truth, ok := v.Truth()
	if op == "remove" || !ok {
		return refuse(InvalidValue, "active", "Set active to true or false.")
	}
	u.Active = truth
	return nil
}

const maxText = 255

// setText changes a text. Null and an empty text remove it.
func setText(op, name string, v Value, to *string, required bool) error {
	text := v.Text
	switch {
	case op == "remove", v.Kind == input.Null:
		text = ""
	case v.Kind != input.String:
		return refuse(InvalidValue, name, "Give "+name+" as text.")
	case !input.Legible(text, false):
		return refuse(InvalidValue, name, "Remove invisible or control characters from "+name+".")
	case utf8.RuneCountInString(text) > maxText:
		return refuse(InvalidValue, name, "Shorten "+name+" to 255 characters or fewer.")
	}
	if required && text == "" {
		return refuse(InvalidValue, name, "Give a "+name+"; it cannot be removed.")
	}
	*to = text
	return nil
}

// setParts changes one of the parts of an attribute, or several by an object. To replace the attribute removes the
// parts that the object leaves out.
func setParts(op string, at Path, v Value, known map[string]string, of *map[string]string) error {
	if at.Where != nil {
		return wrongPath(at.Attr + "[…]")
	}
	if *of == nil {
		*of = map[string]string{}
	}
	switch {
	case at.Sub != "":
		return setPart(op, at.Sub, v, known, *of)
	case op == "remove", v.Kind == input.Null:
		*of = map[string]string{}
		return nil
	case v.Kind != input.Object:
		return refuse(InvalidValue, at.Attr, "Give "+at.Attr+" as an object.")
	case op == "replace":
		*of = map[string]string{}
	}
	for _, m := range v.Members {
		if err := setPart(op, fold(m.Name), m.Value, known, *of); err != nil {
			return err
		}
	}
	return nil
}

func setPart(op, part string, v Value, known map[string]string, of map[string]string) error {
	name, kept := known[part]
	if !kept {
		return nil
	}
	text := ""
	if err := setText(op, name, v, &text, false); err != nil {
		return err
	}
	if of[name] = text; text == "" {
		delete(of, name)
	}
	return nil
}
