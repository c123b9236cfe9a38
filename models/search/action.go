package search

import (
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/blocked"
	"tollgate/models/permission"
)

// Act is an action: on a hit, or to make something new.
type Act struct {
	Verb   string // the word for it: raise
	Target Kind
	ID     string        // of the target, "" for a new one
	Line   *blocked.Line // the budget to raise
}

// deeds are the actions on hits of each kind. Those that make something new have no target.
var deeds = []struct {
	verb       string
	target     Kind
	permission permission.Permission
	name       string // before the name of the target
}{
	{"new", Profile, permission.CreateAccessProfiles, "New profile"},
	{"new", User, permission.CreateUsers, "New user"},
	{"new", Role, permission.CreateRoles, "New role"},
	{"new", Provider, permission.CreateProviders, "New provider"},
	{"new", Server, permission.CreateMCPServers, "New MCP server"},
	{"new", ToolGroup, permission.CreateToolGroups, "New tool group"},
	{"new", APIKey, permission.CreateAPIKeys, "New API key"},
	{"raise", User, permission.UpdateAccessProfiles, "Raise"},
	{"assign", User, permission.CreateAccessProfiles, "Assign a profile to"},
	{"key", User, permission.CreateVirtualKeys, "New key for"},
	{"edit", User, permission.UpdateUsers, "Edit"},
	{"edit", Profile, permission.UpdateAccessProfiles, "Edit"},
	{"edit", Role, permission.UpdateRoles, "Edit"},
	{"propagate", Profile, permission.UpdateAccessProfiles, "Propagate"},
	{"duplicate", Profile, permission.CreateAccessProfiles, "Duplicate"},
}

func verbs() []string {
	var all []string
	for _, deed := range deeds {
		all = append(all, deed.verb)
	}
	return all
}

// fewest is how many letters a search for an action needs at least.
const fewest = 2

// findActions finds what begins with the words, such as New profile, and what their verb does to what the words behind
// it find.
func findActions(ctx context.Context, db bun.IDB, actor permission.Actor, w words) ([]Hit, error) {
	var hits []Hit
	var targets []Kind
	for _, deed := range deeds {
		switch {
		case !actor.May(deed.permission):
		case deed.verb == "new" && begins(deed.name, strings.ToLower(w.text)):
			hits = append(hits, Hit{Kind: Action, Name: deed.name, Act: &Act{Verb: deed.verb, Target: deed.target}})
		case deed.verb == w.verb:
			targets = append(targets, deed.target)
		}
	}
	if len(w.object) < fewest || w.verb == "new" || len(targets) == 0 {
		return hits, nil
	}
	found, err := findNamed(ctx, db, actor, words{text: w.object}, Most, func(kind Kind) bool {
		return slices.Contains(targets, kind)
	})
	if err != nil {
		return nil, err
	}
	if w.verb == "raise" {
		return raise(ctx, db, found)
	}
	for _, target := range found {
		for _, deed := range deeds {
			if deed.verb == w.verb && deed.target == target.Kind {
				hits = append(hits, Hit{
					Kind: Action, Name: deed.name + " " + target.Name, Of: target.Of,
					Act: &Act{Verb: deed.verb, Target: target.Kind, ID: target.ID},
				})
			}
		}
	}
	return hits, nil
}

// begins reports whether words begin a name, or one of its words: "new pro" and "profile" begin "New profile".
func begins(name, words string) bool {
	if len(words) < fewest {
		return false
	}
	name = strings.ToLower(name)
	_, behind, _ := strings.Cut(name, " ")
	return strings.HasPrefix(name, words) || strings.HasPrefix(behind, words)
}

// raise offers the budgets of users, those used up or nearest to their limit first.
func raise(ctx context.Context, db bun.IDB, users []Hit) ([]Hit, error) {
	states, err := blocked.States(ctx, db, usersAmong(users))
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for _, user := range users {
		lines := states[user.ID].Lines
		for i := range lines {
			if lines[i].Kind == "spend" {
				hits = append(hits, Hit{
					Kind: Action, Name: "Raise " + user.Name, Of: user.Of,
					Act: &Act{Verb: "raise", Target: User, ID: user.ID, Line: &lines[i]},
				})
			}
		}
	}
	return hits, nil
}
