package web

import (
	"tollgate/handlers"
	"tollgate/handlers/gateway"
	"tollgate/models/permission"
)

// keyRoutes are those of virtual keys and API keys.
func keyRoutes(h *handlers.Handlers, g *gateway.Gateway) []route {
	return []route{
		{"GET", "/api/api-keys", permission.ViewAPIKeys, h.ListAPIKeys},
		{"POST", "/api/api-keys", permission.CreateAPIKeys, h.CreateAPIKey},
		{"GET", "/api/api-keys/:id", permission.ViewAPIKeys, handlers.WithoutQuery(h.ShowAPIKey)},
		{"PUT", "/api/api-keys/:id", permission.UpdateAPIKeys, h.UpdateAPIKey},
		{"DELETE", "/api/api-keys/:id", permission.DeleteAPIKeys, h.DeleteAPIKey},
		{"GET", "/settings/api-keys", permission.ViewAPIKeys, h.ListAPIKeys},
		{"GET", "/settings/api-keys/new", permission.CreateAPIKeys, h.NewAPIKey},
		{"POST", "/settings/api-keys", permission.CreateAPIKeys, h.CreateAPIKey},
		{"GET", "/settings/api-keys/:id/value", permission.CreateAPIKeys, h.ShowAPIKeyValue},
		{"GET", "/settings/api-keys/:id/delete", permission.DeleteAPIKeys, h.ConfirmDeleteAPIKey},
		{"POST", "/settings/api-keys/:id/delete", permission.DeleteAPIKeys, h.DeleteAPIKey},
		{"GET", "/api/users/:id/virtual-keys", permission.ViewVirtualKeys, h.ListUserKeys},
		{"POST", "/api/users/:id/virtual-keys", permission.CreateVirtualKeys, h.CreateVirtualKey},
		{"POST", "/api/users/:id/virtual-keys/adopt", permission.CreateVirtualKeys, h.AdoptVirtualKey},
		// The key is the user's; the copy in the path is ignored.
		{"POST", "/api/users/:id/access-profiles/:copy_id/virtual-keys", permission.CreateVirtualKeys, h.CreateVirtualKey},
		// The reference asks for AccessProfiles:Delete here, so VirtualKeys:Delete can be granted but permits nothing.
		{"DELETE", "/api/users/:id/access-profiles/virtual-keys/:vk_id", permission.DeleteAccessProfiles, h.DeleteVirtualKey},
		{"GET", "/api/virtual-keys", permission.ViewVirtualKeys, h.ListVirtualKeys},
		{"GET", "/api/virtual-keys/quota", keyHolder, g.ShowQuota},
		{"POST", "/api/virtual-keys/:vk_id/rotate", permission.UpdateVirtualKeys, h.RotateVirtualKey},
		{"GET", "/users/:id/virtual-keys/new", permission.CreateVirtualKeys, h.NewVirtualKey},
		{"POST", "/users/:id/virtual-keys", permission.CreateVirtualKeys, h.CreateVirtualKey},
		{"GET", "/users/:id/virtual-keys/:vk_id/value", shownKey, h.ShowVirtualKeyValue},
		{"GET", "/users/:id/virtual-keys/:vk_id/delete", permission.DeleteAccessProfiles, h.ConfirmDeleteVirtualKey},
		{"POST", "/users/:id/virtual-keys/:vk_id/delete", permission.DeleteAccessProfiles, h.DeleteVirtualKey},
		{"GET", "/users/:id/virtual-keys/:vk_id/rotate", permission.UpdateVirtualKeys, h.ConfirmRotateVirtualKey},
		{"POST", "/users/:id/virtual-keys/:vk_id/rotate", permission.UpdateVirtualKeys, h.RotateVirtualKey},
		{"GET", "/virtual-keys", permission.ViewVirtualKeys, h.ListVirtualKeys},
	}
}
