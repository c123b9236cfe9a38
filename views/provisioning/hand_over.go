package provisioning

import (
	"maps"
	"slices"

	"tollgate/models/handover"
	"tollgate/models/plural"
	"tollgate/views/ui"
)

// mostNamed is how many users a plan names.
const mostNamed = 10

// handOverEffects say what a plan does to the users of a domain.
func handOverEffects(p handover.Plan, connection string, sets map[string]int) []string {
	names := p.Names[:min(len(p.Names), mostNamed)]
	if more := len(p.Names) - len(names); more > 0 {
		names = append(slices.Clone(names), plural.Count(int64(more))+" more")
	}
	effects := []string{}
	if len(names) > 0 {
		effects = append(effects, plural.Of(len(p.Users), "user")+": "+ui.Sequence(names)+".",
			"Name, address and role of each come from "+connection+" from then on.",
			plural.Of(p.Passwords, "password")+plural.Choose(p.Passwords == 1, " is", " are")+
				" removed, and all of these users are signed out.")
		effects = append(effects, roleChanges(p)...)
	}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		effects = append(effects, plural.Of(sets[set], "user")+plural.Choose(sets[set] == 1, " is", " are")+
			" described in files of the set "+set+": remove the documents, or its next apply is refused.")
	}
	for _, reason := range handover.Reasons {
		if n := p.LeftOut[reason]; n > 0 {
			effects = append(effects, "Left out: "+plural.Of(n, "user")+", "+leftOut[reason]+".")
		}
	}
	return effects
}

var leftOut = map[string]string{
	handover.OwnAccount:     "you yourself",
	handover.Administrative: "who may change users, roles, API keys or settings",
	handover.Forbidden:      "who may do more than you",
	handover.ForeignDomain:  "because the connection lists other email domains",
	handover.UserNameTaken:  "whose address the directory uses as the userName of another user",
}

func roleChanges(p handover.Plan) []string {
	if len(p.Roles) == 0 && p.Deactivated == 0 {
		return []string{"They have the role " + p.Role + " already, and keep their profiles."}
	}
	effects := []string{}
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		effects = append(effects, plural.Of(p.Roles[role], "user")+plural.Choose(p.Roles[role] == 1, " changes", " change")+
			" from the role "+role+" to "+p.Role+" at once.")
	}
	if p.Deactivated > 0 {
		effects = append(effects, plural.Of(p.Deactivated, "user")+plural.Choose(p.Deactivated == 1, " is", " are")+
			" deactivated: the role changes to "+p.Role+" when they are back.")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Loses)) {
		effects = append(effects, plural.Of(p.Loses[name], "user")+plural.Choose(p.Loses[name] == 1, " loses ", " lose ")+
			name+", which came with the role, and what was used of it is no longer counted.")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Ends)) {
		effects = append(effects, "The access of "+plural.Of(p.Ends[name], "user")+" by "+name+
			" ends: it was also assigned directly, until an end, which counts again.")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Endless)) {
		effects = append(effects, "The access of "+plural.Of(p.Endless[name], "user")+" by "+name+
			" no longer ends: it was assigned directly, until an end, which does not count while it comes with the role.")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Gains)) {
		effects = append(effects, plural.Of(p.Gains[name], "user")+plural.Choose(p.Gains[name] == 1, " gets ", " get ")+
			name+", with nothing used.")
	}
	if p.DeletedKeys > 0 {
		effects = append(effects, plural.Of(p.DeletedKeys, "virtual key")+plural.Choose(p.DeletedKeys == 1, " is", " are")+
			" deleted with the last profile: gateways refuse programs that send them.")
	}
	return append(effects, "Other profiles and keys stay as they are.")
}
