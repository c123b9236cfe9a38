package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// userRoutes are those of users and their copies.
func userRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/api/users", permission.ViewUsers, h.ListUsers},
		{"POST", "/api/users", permission.CreateUsers, h.CreateUser},
		{"GET", "/api/users/me/permissions", signedIn, handlers.WithoutQuery(h.ShowOwnPermissions)},
		{"GET", "/api/users/:id", permission.ViewUsers, handlers.WithoutQuery(h.ShowUser)},
		{"PUT", "/api/users/:id", permission.UpdateUsers, h.UpdateUser},
		{"PUT", "/api/users/:id/role", permission.UpdateUsers, h.SetUserRole},
		{"DELETE", "/api/users/:id", permission.DeleteUsers, h.DeleteUser},
		{"GET", "/api/users/:id/identities", permission.ViewUsers, h.ListIdentities},
		{"DELETE", "/api/users/:id/identities", permission.UpdateUsers, h.DeleteIdentities},
		{"PUT", "/api/users/:id/activate", permission.UpdateUsers, h.ActivateUser},
		{"PUT", "/api/users/:id/deactivate", permission.UpdateUsers, h.DeactivateUser},
		{"GET", "/users", permission.ViewUsers, h.ListUsers},
		{"GET", "/users/new", permission.CreateUsers, h.NewUser},
		{"POST", "/users", permission.CreateUsers, h.CreateUser},
		{"POST", "/users/bulk", permission.CreateAccessProfiles, h.AssignToUsers},
		{"POST", "/users/bulk/activate", permission.UpdateUsers, h.ActivateUsers},
		{"POST", "/users/bulk/deactivate", permission.UpdateUsers, h.DeactivateUsers},
		{"GET", "/users/:id", permission.ViewUsers, h.ShowUser},
		{"POST", "/users/:id", permission.UpdateUsers, h.UpdateUser},
		{"GET", "/users/:id/edit", permission.UpdateUsers, h.EditUser},
		{"POST", "/users/:id/role", permission.UpdateUsers, h.SetUserRole},
		{"POST", "/users/:id/password", permission.UpdateUsers, h.SetUserPassword},
		{"POST", "/users/:id/identities/delete", permission.UpdateUsers, h.DeleteIdentities},
		{"POST", "/users/:id/activate", permission.UpdateUsers, h.ActivateUser},
		{"GET", "/users/:id/deactivate", permission.UpdateUsers, h.ConfirmDeactivateUser},
		{"POST", "/users/:id/deactivate", permission.UpdateUsers, h.DeactivateUser},
		{"GET", "/users/:id/delete", permission.DeleteUsers, h.ConfirmDeleteUser},
		{"POST", "/users/:id/delete", permission.DeleteUsers, h.DeleteUser},
		{"GET", "/api/users/me/vk-creation-policy", signedIn, handlers.WithoutQuery(h.ShowKeyCreationPolicy)},
		{"GET", "/api/users/:id/access-profiles", permission.ViewAccessProfiles, h.ListUserAccessProfiles},
		{"POST", "/api/users/:id/access-profiles", permission.CreateAccessProfiles, h.AssignAccessProfile},
		{"PUT", "/api/users/:id/access-profiles/:copy_id", permission.UpdateAccessProfiles, h.ChangeUserAccessProfile},
		{"DELETE", "/api/users/:id/access-profiles/:copy_id", permission.DeleteAccessProfiles, h.DetachAccessProfile},
		{
			"GET", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			permission.ViewAccessProfiles, h.EditOverride,
		},
		{
			"PUT", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			permission.UpdateAccessProfiles, h.SetOverride,
		},
		{
			"DELETE", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			permission.UpdateAccessProfiles + " or " + permission.DeleteAccessProfiles, h.ClearOverride,
		},
		{"GET", "/users/:id/access-profiles/new", permission.CreateAccessProfiles, h.NewAssignment},
		{"POST", "/users/:id/access-profiles", permission.CreateAccessProfiles, h.AssignAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/edit", permission.UpdateAccessProfiles, h.EditUserAccessProfile},
		{"POST", "/users/:id/access-profiles/:copy_id", permission.UpdateAccessProfiles, h.ChangeUserAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/delete", permission.DeleteAccessProfiles, h.ConfirmDetach},
		{"POST", "/users/:id/access-profiles/:copy_id/delete", permission.DeleteAccessProfiles, h.DetachAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override", permission.UpdateAccessProfiles, h.EditOverride},
		{"POST", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override", permission.UpdateAccessProfiles, h.SetOverride},
		{
			"POST", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override/delete",
			permission.UpdateAccessProfiles + " or " + permission.DeleteAccessProfiles, h.ClearOverride,
		},
		{"GET", "/users/:id/try", permission.ViewAccessProfiles, h.TryAccess},
		{"POST", "/api/users/:id/sign-in-link", permission.UpdateUsers, h.CreateSignInLink},
		{"POST", "/users/:id/sign-in-link", permission.UpdateUsers, h.CreateSignInLink},
	}
}
