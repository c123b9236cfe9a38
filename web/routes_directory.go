package web

import (
	"tollgate/handlers"
	"tollgate/handlers/directory"
	"tollgate/models/permission"
)

// directoryOf is the part of a console that answers directories.
func directoryOf(h *handlers.Handlers) *directory.Directory {
	return &directory.Directory{DB: h.DB, Log: h.Log, BaseURL: h.BaseURL, Keys: h.Keys, Calls: h.SCIMCalls}
}

// directoryRoutes are those about directories, and those of SCIM, which directories call. What the protocol has and the
// console does not is answered too.
func directoryRoutes(h *handlers.Handlers) []route {
	d := directoryOf(h)
	all := []route{
		{"GET", "/api/scim-connections", permission.ViewSettings, h.ListSCIMConnections},
		{"POST", "/api/scim-connections", permission.UpdateSettings, h.CreateSCIMConnection},
		{"GET", "/api/scim-connections/:id", permission.ViewSettings, handlers.WithoutQuery(h.ShowSCIMConnection)},
		{"PUT", "/api/scim-connections/:id", permission.UpdateSettings, h.UpdateSCIMConnection},
		{"DELETE", "/api/scim-connections/:id", permission.UpdateSettings, h.DeleteSCIMConnection},
		{"POST", "/api/scim-connections/:id/tokens", permission.UpdateSettings, h.CreateSCIMToken},
		{"DELETE", "/api/scim-connections/:id/tokens/:token_id", permission.UpdateSettings, h.DeleteSCIMToken},
		{"GET", "/api/scim-connections/:id/groups", permission.ViewSettings, h.ListSCIMGroups},
		{"GET", "/api/scim-connections/:id/rules", permission.ViewSettings, handlers.WithoutQuery(h.ShowSCIMRules)},
		{"PUT", "/api/scim-connections/:id/rules", permission.UpdateSettings, h.SetSCIMRules},
		{"POST", "/api/scim-connections/:id/rules/preview", permission.UpdateSettings, h.PreviewSCIMRules},
		{"GET", "/api/scim-connections/:id/requests", permission.ViewSettings, h.ListSCIMRequests},
		{"GET", "/settings/provisioning/:id/groups", permission.ViewSettings, h.ListSCIMGroups},
		{"GET", "/settings/provisioning/:id/rules", permission.ViewSettings, h.ShowSCIMRules},
		{"POST", "/settings/provisioning/:id/rules", permission.UpdateSettings, h.SetSCIMRules},
		{"GET", "/settings/provisioning/:id/requests", permission.ViewSettings, h.ListSCIMRequests},
		{"POST", "/api/scim-connections/:id/hand-over", permission.UpdateUsers, h.HandOverDomain},
		{"PUT", "/api/users/:id/hand-over", permission.UpdateUsers, h.HandOverUser},
		{"PUT", "/api/users/:id/release", permission.UpdateUsers, h.ReleaseUser},
		{"GET", "/settings/provisioning/:id/hand-over", permission.UpdateUsers, h.PlanHandOver},
		{"POST", "/settings/provisioning/:id/hand-over", permission.UpdateUsers, h.HandOverDomain},
		{"GET", "/users/:id/hand-over", permission.UpdateUsers, h.NewHandOver},
		{"POST", "/users/:id/hand-over", permission.UpdateUsers, h.HandOverUser},
		{"POST", "/users/:id/release", permission.UpdateUsers, h.ReleaseUser},
		{"GET", "/settings/provisioning", permission.ViewSettings, h.ListSCIMConnections},
		{"GET", "/settings/provisioning/new", permission.UpdateSettings, h.NewSCIMConnection},
		{"POST", "/settings/provisioning", permission.UpdateSettings, h.CreateSCIMConnection},
		{"GET", "/settings/provisioning/:id", permission.ViewSettings, h.ShowSCIMConnection},
		{"POST", "/settings/provisioning/:id", permission.UpdateSettings, h.UpdateSCIMConnection},
		{"GET", "/settings/provisioning/:id/edit", permission.UpdateSettings, h.EditSCIMConnection},
		{"GET", "/settings/provisioning/:id/delete", permission.UpdateSettings, h.ConfirmDeleteSCIMConnection},
		{"POST", "/settings/provisioning/:id/delete", permission.UpdateSettings, h.DeleteSCIMConnection},
		{"POST", "/settings/provisioning/:id/tokens", permission.UpdateSettings, h.CreateSCIMToken},
		{"GET", "/settings/provisioning/:id/tokens/:token_id/value", permission.UpdateSettings, h.ShowSCIMTokenValue},
		{"GET", "/settings/provisioning/:id/tokens/:token_id/delete", permission.UpdateSettings, h.ConfirmDeleteSCIMToken},
		{"POST", "/settings/provisioning/:id/tokens/:token_id/delete", permission.UpdateSettings, h.DeleteSCIMToken},

		{"GET", "/scim/v2/ServiceProviderConfig", ofDirectory, d.ShowConfig},
		{"GET", "/scim/v2/ResourceTypes", ofDirectory, d.ListResourceTypes},
		{"GET", "/scim/v2/ResourceTypes/:id", ofDirectory, d.ShowResourceType},
		{"GET", "/scim/v2/Schemas", ofDirectory, d.ListSchemas},
		{"GET", "/scim/v2/Schemas/:id", ofDirectory, d.ShowSchema},
		{"GET", "/scim/v2/Users", ofDirectory, d.ListUsers},
		{"POST", "/scim/v2/Users", ofDirectory, d.ProvisionUser},
		{"GET", "/scim/v2/Users/:id", ofDirectory, d.ShowUser},
		{"PUT", "/scim/v2/Users/:id", ofDirectory, d.ReplaceUser},
		{"PATCH", "/scim/v2/Users/:id", ofDirectory, d.PatchUser},
		{"DELETE", "/scim/v2/Users/:id", ofDirectory, d.DeprovisionUser},
		{"GET", "/scim/v2/Groups", ofDirectory, d.ListGroups},
		{"POST", "/scim/v2/Groups", ofDirectory, d.ProvisionGroup},
		{"GET", "/scim/v2/Groups/:id", ofDirectory, d.ShowGroup},
		{"PUT", "/scim/v2/Groups/:id", ofDirectory, d.ReplaceGroup},
		{"PATCH", "/scim/v2/Groups/:id", ofDirectory, d.PatchGroup},
		{"DELETE", "/scim/v2/Groups/:id", ofDirectory, d.DeprovisionGroup},
		{"POST", "/scim/v2/Bulk", ofDirectory, d.NotOffered},
		{"POST", "/scim/v2/.search", ofDirectory, d.NotOffered},
		{"POST", "/scim/v2/Users/.search", ofDirectory, d.NotOffered},
		{"POST", "/scim/v2/Groups/.search", ofDirectory, d.NotOffered},
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		all = append(all, route{method, "/scim/v2/Me", ofDirectory, d.NotOffered})
	}
	return all
}
