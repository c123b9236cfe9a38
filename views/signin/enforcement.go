package signin

import (
	"tollgate/models/plural"
	"tollgate/models/session"
	"tollgate/views/ui"
)

// Enforcement asks whether passwords are to be refused or, while they are, accepted again.
type Enforcement struct {
	Enforced bool
	Refused  session.Refused
	Blocked  string // why it cannot be done
}

// Title is that of its page.
func (e Enforcement) Title() string {
	return plural.Choose(e.Enforced, "Accept passwords again?", "Refuse passwords?")
}

func (e Enforcement) confirm() ui.Confirm {
	confirm := ui.Confirm{Action: "/settings/sign-in/enforce", Cancel: "/settings/sign-in", Blocked: e.Blocked}
	switch {
	case e.Blocked != "":
	case e.Enforced:
		confirm.Verb = "Accept passwords again"
		confirm.Effects = []string{
			"Users who have a password can sign in with it again, and admins can make sign-in links.",
			"Sessions that began at an identity provider stay.",
		}
	default:
		confirm.Verb, confirm.Effects = "Refuse passwords", e.losses()
	}
	return confirm
}

// losses say what ends when passwords are refused, and for whom.
func (e Enforcement) losses() []string {
	ends := func(n int64) string { return plural.Choose(n == 1, " ends.", " end.") }
	lines := []string{
		"Only break-glass admins can sign in with a password from now on.",
		plural.Of(e.Refused.Sessions, "session") + " that began with a password or a sign-in link" + ends(e.Refused.Sessions),
		plural.Of(e.Refused.Links, "sign-in link") + " that no user has used yet" + ends(e.Refused.Links),
	}
	if n := e.Refused.Unconnected; n > 0 {
		lines = append(lines, plural.Of(n, "user")+plural.Choose(n == 1, " has", " have")+
			" not connected an identity provider: they can sign in only where one lets them in.")
	}
	return lines
}

// none says by what users sign in when there is no identity provider.
func (l List) none() string {
	if l.Enforced {
		return "No identity provider. Passwords are refused, so only break-glass admins can sign in."
	}
	return "No identity provider yet. Users sign in with a password or a link."
}
