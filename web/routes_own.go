package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// ownRoutes are those of what users see and ask for of their own.
func ownRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/me", themselves, h.ShowMe},
		{"GET", "/api/me", themselves, h.ShowMe},
		{"GET", "/quota", anyone, h.QuotaMoved},
		{"POST", "/me/password", themselves, h.ChangeOwnPassword},
		{"GET", "/me/try", themselves, h.TryOwnAccess},
		{"GET", "/me/keys/new", themselves, h.NewOwnKey},
		{"POST", "/me/keys", themselves, h.CreateOwnKey},
		{"GET", "/me/keys/:vk_id/rotate", themselves, h.ConfirmRotateOwnKey},
		{"POST", "/me/keys/:vk_id/rotate", themselves, h.RotateOwnKey},
		{"GET", "/me/keys/:vk_id/value", themselves, h.ShowOwnKeyValue},
		{"GET", "/api/me/virtual-keys", themselves, h.ListOwnKeys},
		{"POST", "/api/me/virtual-keys", themselves, h.CreateOwnKey},
		{"POST", "/api/me/virtual-keys/:vk_id/rotate", themselves, h.RotateOwnKey},
		{"GET", "/me/requests/new", themselves, h.NewAccessRequest},
		{"POST", "/me/requests", themselves, h.CreateAccessRequest},
		{"POST", "/me/requests/:id/withdraw", themselves, h.WithdrawAccessRequest},
		{"POST", "/api/access-requests", themselves, h.CreateAccessRequest},
		{"POST", "/api/access-requests/:id/withdraw", themselves, h.WithdrawAccessRequest},
		{"GET", "/api/access-requests", permission.ViewAccessRequests, h.ListAccessRequests},
		{"GET", "/api/access-requests/:id", permission.ViewAccessRequests, handlers.WithoutQuery(h.ShowAccessRequest)},
		{"POST", "/api/access-requests/:id/grant", permission.UpdateAccessRequests, h.GrantAccessRequest},
		{"POST", "/api/access-requests/:id/decline", permission.UpdateAccessRequests, h.DeclineAccessRequest},
		{"GET", "/access-requests", permission.ViewAccessRequests, h.ListAccessRequests},
		{"POST", "/access-requests/:id/grant", permission.UpdateAccessRequests, h.GrantAccessRequest},
		{"POST", "/access-requests/:id/decline", permission.UpdateAccessRequests, h.DeclineAccessRequest},
	}
}
