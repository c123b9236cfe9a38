package config

import (
	"tollgate/models/configdoc"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// resources are the resources of permissions that kinds belong to.
var resources = map[string]string{
	configdoc.Provider: "Providers", configdoc.MCPClient: "MCPServers", configdoc.ToolGroup: "ToolGroups",
	configdoc.Role: "Roles", configdoc.AccessProfile: "AccessProfiles", configdoc.User: "Users",
	configdoc.SCIMConnection: "Settings", configdoc.IdentityProvider: "Settings", configdoc.Settings: "Settings",
}

// visible refuses a plan that names resources of kinds that the actor may not view.
func (r Result) visible(actor permission.Actor) error {
	for _, change := range r.Changes {
		if err := allowed(actor, change.Kind, "View"); err != nil {
			return err
		}
	}
	for _, left := range r.Unmanaged {
		if err := allowed(actor, left.Kind, "View"); err != nil {
			return err
		}
	}
	return nil
}

// permitted refuses a run that changes what the actor may not: resources, but also which set they belong to, and what
// was applied of them last, which is what drift is told from. It comes before conflicts, which tell of resources.
func (r *run) permitted() error {
	for _, s := range r.steps {
		operation := "Update"
		if s.old == nil {
			operation = "Create"
		}
		if !s.changes() && s.drift == "" && !r.isForeign(s) {
			continue
		}
		if err := allowed(r.actor, s.Kind, operation); err != nil {
			return err
		}
	}
	for _, row := range r.deletions {
		if err := allowed(r.actor, row.Kind, "Delete"); err != nil {
			return err
		}
	}
	left := r.forgotten()
	for _, row := range r.released {
		left = append(left, row.ID)
	}
	for _, id := range left {
		if err := allowed(r.actor, id.Kind, "Update"); err != nil {
			return err
		}
	}
	return nil
}

// allowed refuses an operation on a kind that the actor may not do.
func allowed(actor permission.Actor, kind, operation string) error {
	if resources[kind] == "Settings" && operation != "View" {
		operation = "Update" // as for all that is set
	}
	needed := permission.Permission(resources[kind] + ":" + operation)
	if actor.May(needed) {
		return nil
	}
	return problem.Refuse(problem.Forbidden, "", "forbidden",
		"You need the permission "+string(needed)+" for documents of the kind "+kind+". Ask an admin of this console for it.")
}
