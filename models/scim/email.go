package scim

import (
	"maps"
	"slices"

	"tollgate/models/input"
)

const maxAddress = 254

// setEmails changes the addresses as a whole, or those that the path selects.
func (u *User) setEmails(op string, at Path, v Value) error {
	switch {
	case at.Where != nil:
		return u.setSelected(op, at, v)
	case at.Sub != "":
		return refuse(InvalidPath, "path", `Say which address, such as emails[type eq "work"].value.`)
	case op == "remove", v.Kind == input.Null && op == "replace":
		u.Emails = nil
		return nil
	}
	items := v.Items
	if v.Kind == input.Object {
		items = []Value{v}
	} else if v.Kind != input.Array {
		return refuse(InvalidValue, "emails", "Give emails as a list.")
	}
	if op == "replace" {
		u.Emails = nil
	}
	for _, item := range items {
		var e Email
		if err := e.fill(item); err != nil {
			return err
		}
		if op == "add" { // one of the same type is replaced
			u.Emails = slices.DeleteFunc(u.Emails, func(old Email) bool { return fold(old.Type) == fold(e.Type) })
		}
		u.put(len(u.Emails), e)
	}
	return nil
}

// put stores an address at a place. There is one primary address at most: the one stored last.
func (u *User) put(i int, e Email) {
	if e.Primary {
		for j := range u.Emails {
			u.Emails[j].Primary = false
		}
	}
	if i == len(u.Emails) {
		u.Emails = append(u.Emails, Email{})
	}
	u.Emails[i] = e
}

// setSelected changes the addresses that a path selects. One that is not there is made as the path describes it.
func (u *User) setSelected(op string, at Path, v Value) error {
	if op == "remove" && (at.Sub == "" || at.Sub == "value") {
		u.Emails = slices.DeleteFunc(u.Emails, func(e Email) bool { return at.Where.matches(e.get) })
		return nil
	}
	found := false
	for i, e := range u.Emails {
		if at.Where.matches(e.get) {
			found = true
			if err := e.change(op, at.Sub, v); err != nil {
				return err
			}
			u.put(i, e)
		}
	}
	if found || op == "remove" {
		return nil
	}
	var e Email
	values := at.Where.equals()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := e.change("replace", name, values[name]); err != nil {
			return err
		}
	}
	if err := e.change(op, at.Sub, v); err != nil {
		return err
	}
	u.put(len(u.Emails), e)
	return nil
}

// get is what an address has of an attribute.
func (e Email) get(attr string) Value {
	switch attr {
	case "value":
		return Value{Kind: input.String, Text: e.Value}
	case "type":
		if e.Type != "" {
			return Value{Kind: input.String, Text: e.Type}
		}
	case "primary":
		return boolean(e.Primary)
	}
	return Value{}
}

// fill reads an address from an object.
func (e *Email) fill(object Value) error {
	if object.Kind != input.Object {
		return refuse(InvalidValue, "emails", "Give each address as an object with its value.")
	}
	for _, m := range object.Members {
		if err := e.change("replace", fold(m.Name), m.Value); err != nil {
			return err
		}
	}
	return nil
}

// change changes one part of an address, or several by an object. What is not kept of an address is passed over.
func (e *Email) change(op, part string, v Value) error {
	switch part {
	case "":
		return e.fill(v)
	case "value":
		if err := setText(op, "emails.value", v, &e.Value, true); err != nil {
			return err
		}
		if len(e.Value) > maxAddress {
			return refuse(InvalidValue, "emails.value", "Shorten the address to 254 characters or fewer.")
		}
	case "type":
		return setText(op, "emails.type", v, &e.Type, false)
	case "primary":
		truth, ok := v.Truth()
		if !ok && op != "remove" && v.Kind != input.Null {
			return refuse(InvalidValue, "emails.primary", "Set primary to true or false.")
		}
		e.Primary = truth
	}
	return nil
}
