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
