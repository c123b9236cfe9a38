package views

import (
	"strings"
	"time"

	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/virtualkey"
	"tollgate/views/ui"
)

// KeyHref is the address of a key on its holder's page.
func KeyHref(k virtualkey.Key) string { return "/users/" + k.UserID + "/virtual-keys/" + k.ID }

// KeyList is a page of all virtual keys.
type KeyList struct {
	ui.ListFrame
	Keys                             []virtualkey.Key
	MayViewUsers, MayRotate, MayDrop bool

	// Of the list of all keys.
	MayViewUsage          bool
	Filtered              bool
	All, OnlyUnused       ui.Link
	Name, Spend, LastUsed ui.SortLink
}

// KeyForm is a further key as it was filled in.
type KeyForm struct {
	User     identity.User
	Own      bool // the user makes it themselves
	Input    virtualkey.Input
	Problems problem.Problems
}

func (f KeyForm) action() string {
	if f.Own {
		return "/me/keys"
	}
	return f.back() + "/virtual-keys"
}

func (f KeyForm) back() string {
	if f.Own {
		return "/me"
	}
	return "/users/" + f.User.ID
}

func (f KeyForm) nameHint() string {
	return "Say which program has it. Left empty, it is numbered after " + plural.Choose(f.Own, "your", "their") + " email."
}

// RotateForm asks how long a key's old value is to work.
type RotateForm struct {
	Key      virtualkey.Key
	Own      bool // it is the user's own
	Input    virtualkey.RotateInput
	Problems problem.Problems
}

func (f RotateForm) href() string {
	if f.Own {
		return OwnKeyHref(f.Key.ID)
	}
	return KeyHref(f.Key)
}

func (f RotateForm) back() string {
	if f.Own {
		return "/me"
	}
	return "/users/" + f.Key.UserID
}

func (f RotateForm) graces() []ui.Option {
	chosen := f.Input.GracePeriod.Text
	options := []ui.Option{
		{Value: "0", Label: "now"},
		{Value: "3600", Label: "in an hour"},
		{Value: "86400", Label: "in a day"},
		{Value: "604800", Label: "in a week"},
	}
	for i := range options {
		options[i].Chosen = options[i].Value == chosen || chosen == "" && i == 0
	}
	return options
}

// Rotated describes the result of a rotation.
func Rotated(k virtualkey.Key) string {
	if k.PreviousUntil == nil {
		return k.Name + " has another value. The old one is refused from now on."
	}
	return k.Name + " has another value. The old one works until " + ui.Moment(*k.PreviousUntil) + "."
}

// KeyDeletion says what the deletion of a key does.
func KeyDeletion(k virtualkey.Key, now time.Time) []string {
	effects := []string{"Programs of " + k.Holder + " that send " + k.Value + " are refused from that moment on."}
	if k.Expired(now) {
		effects = []string{"It has expired already: gateways refuse it."}
	}
	return append(effects, "Their profiles, their other keys and what they used stay.")
}

func quotaCurl(baseURL, value string) string {
	return "curl " + strings.TrimSuffix(baseURL, "/") +
		"/api/governance/virtual-keys/quota \\\n  -H 'Authorization: Bearer " + value + "'"
}
