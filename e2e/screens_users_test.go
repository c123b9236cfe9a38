package e2e

import "testing"

// Users of the sample company whose copies show something.
const (
	holder   = "Dmitri Vargas" // of two profiles
	raised   = "Bruno Haddad"  // with a budget raised for two windows
	paused   = "Hiro Jensen"   // with a copy that is paused
	noHolder = "vera"          // without a copy
	keyless  = "Jonas Xu"      // with a copy and no key
)

// userScreens are those of users, their copies and keys, and roles.
var userScreens = []scene{
	{name: "users", path: "/users"},
	{name: "users-no-hit", path: "/users?search=nowhere"},
	{name: "users-as-viewer", visit: visit{as: viewer}, path: "/users?limit=6"},
	{name: "users-selected", path: "/users?limit=6", act: func(s *screen) {
		s.tickRows(3)
		s.sees(s.text("3 selected"))
	}},
	{name: "users-row-menu", path: "/users?search=dmitri", act: func(s *screen) { s.click(s.GetByLabel("Actions for "+holder, exactName)) }},
	{name: "user-new", path: "/users/new"},
	{name: "user-refused", path: "/users/new", act: refuse("Create user")},
	{name: "user", place: at("users", holder, "")},
	{name: "user-raised", place: at("users", raised, "")},
	{name: "user-paused", place: at("users", paused, "")},
	{name: "user-without-key", place: at("users", keyless, "")},
	{name: "user-without-profile", place: at("users", noHolder, "")},
	{name: "user-as-viewer", visit: visit{as: viewer}, place: at("users", raised, "")},
	{name: "user-password-refused", place: at("users", holder, ""), act: refuse("Set password")},
	{name: "user-edit", place: at("users", holder, "/edit")},
	{name: "user-delete", place: at("users", noHolder, "/delete")},
	{name: "user-delete-holder", place: at("users", holder, "/delete")},
	{name: "user-deactivate", place: at("users", "Elif Chen", "/deactivate")},
	{name: "user-deactivated", place: deactivated("Lena Left", "")},
	{name: "user-deactivated-try", place: deactivated("Lea Left", "/try?model=openai/gpt-5")},
	{name: "users-deactivated", place: func(t *testing.T, c *console) string {
		t.Helper()
		deactivated("Liv Left", "")(t, c)
		return "/users?deactivated=true"
	}, act: func(s *screen) { s.tickRows(1) }},
	{name: "users-deactivate", path: "/users?limit=6", act: func(s *screen) {
		s.tickRows(3)
		s.click(s.button("Deactivate…"))
		s.sees(s.heading("Deactivate 3 users?"))
	}},
	{name: "assign", place: at("users", holder, "/access-profiles/new")},
	{name: "assign-refused", place: at("users", holder, "/access-profiles/new"), act: func(s *screen) {
		s.fill("Ends optional", "2001-02-03T04:05")
		refuse("Assign")(s)
	}},
	{name: "copy-edit", place: ofCopy(holder, "Platform team", "/edit")},
	{name: "copy-edit-from-role", place: ofCopy(paused, "Engineering", "/edit")},
	{name: "copy-detach", place: ofCopy(holder, "Platform team", "/delete")},
	{name: "copy-detach-last", place: ofCopy(paused, "Engineering", "/delete")},
	{name: "override", place: ofBudget(holder, "Engineering")},
	{name: "override-refused", place: ofBudget(holder, "Engineering"), act: func(s *screen) {
		s.fill("Add", "-5")
		refuse("Raise the limit")(s)
	}},
	{name: "override-active", place: ofBudget(raised, "Engineering")},
	{name: "override-paused", place: ofBudget(paused, "Engineering")},
	{name: "override-used-up", place: func(t *testing.T, c *console) string {
		t.Helper()
		const name = "Ugo Usedup"
		spent(name, "20", "")(t, c)
		return ofBudget(name, "Spending of "+name)(t, c)
	}},

	{name: "identity-providers-none", path: "/settings/sign-in?search=nowhere"},
	{name: "enforcement-blocked", path: "/settings/sign-in/enforce"},
	{name: "sign-in-methods", path: "/settings/methods"},
	{name: "identity-provider-new", path: "/settings/sign-in/new"},
	{name: "identity-provider-refused", path: "/settings/sign-in/new", act: refuse("Add provider")},

	{name: "virtual-keys", path: "/virtual-keys"},
	{name: "virtual-keys-no-hit", path: "/virtual-keys?search=nowhere"},
	{name: "virtual-keys-as-viewer", visit: visit{as: viewer}, path: "/virtual-keys?limit=6"},
	{name: "virtual-key-new", place: at("users", holder, "/virtual-keys/new")},
	{name: "virtual-key-refused", place: at("users", holder, "/virtual-keys/new"), act: func(s *screen) {
		s.fill("Expires optional", "2001-02-03T04:05")
		refuse("Create key")(s)
	}},
	{name: "virtual-key-secret", place: at("users", "Elif Chen", "/virtual-keys/new"), act: func(s *screen) {
		s.fill("Name optional", "Pictured with its value")
		s.click(s.button("Create key"))
		s.sees(s.heading("Copy the key now"))
	}},
	{name: "virtual-key-rotate", place: ofKey(holder, "/rotate")},
	{name: "virtual-key-rotated", place: ofKey("Farid Jovanovic", "/rotate"), act: func(s *screen) {
		s.choose("Old value stops working", "in a week")
		s.click(s.button("Rotate"))
		s.sees(s.heading("Copy the key now"))
	}},
	{name: "virtual-key-delete", place: ofKey(holder, "/delete")},

	{name: "roles", path: "/roles"},
	{name: "roles-no-hit", path: "/roles?search=nowhere"},
	{name: "role", place: at("roles", "Engineer", "")},
	{name: "role-of-the-console", place: at("roles", "Viewer", "")},
	{name: "role-as-viewer", visit: visit{as: viewer}, place: at("roles", "Engineer", "?limit=6")},
	{name: "role-new", path: "/roles/new"},
	{name: "role-refused", path: "/roles/new", act: refuse("Create role")},
	{name: "role-edit", place: at("roles", "Analyst", "/edit")},
	{name: "role-delete", place: emptyRole("/delete")},
	{name: "role-without-anything", place: emptyRole("")},
	{name: "role-delete-blocked", place: at("roles", "Contractor", "/delete")},
}
