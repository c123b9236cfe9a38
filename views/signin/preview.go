package signin

import (
	"tollgate/models/identityprovider"
	"tollgate/models/plural"
	"tollgate/views/ui"
)

// effects say what rules would do.
func effects(p identityprovider.Provider, in identityprovider.RulesInput, m identityprovider.Moves) []string {
	if len(in.Rules.Items) == 0 {
		return []string{"Without rules, no sign-in changes a role: the console decides on the roles of its users."}
	}
	lines := []string{"By the groups at their last sign-in, no user gets another role."}
	if m.Users > 0 {
		lines[0] = "By the groups at their last sign-in, " + plural.Of(m.Users, "user") +
			plural.Choose(m.Users == 1, " gets", " get") + " another role at the next one:"
		lines = append(lines, ui.MovesToRoles(m.Roles, m.Administrative)...)
	}
	if m.Refused > 0 {
		lines = append(lines, plural.Of(m.Refused, "user")+plural.Choose(m.Refused == 1, " finds", " find")+
			" no role: at the next sign-in they are refused, and their sessions end.")
	}
	if m.Unknown > 0 {
		lines = append(lines, "The groups of "+plural.Of(m.Unknown, "user")+
			" are not known: they have not signed in since groups are kept.")
	}
	if m.Provisioned > 0 {
		lines = append(lines, plural.Of(m.Provisioned, "user")+plural.Choose(m.Provisioned == 1, " keeps", " keep")+
			" the role that the directory gives.")
	}
	if m.Users > 0 {
		lines = append(lines, "Profiles that come with a role change with it: "+
			"what was used of those they lose is no longer counted.")
	}
	return append(lines, "Nothing changes before a user signs in at "+p.Name+".")
}
