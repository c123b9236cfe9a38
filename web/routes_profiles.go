package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// detachRolePath is the one route that changes something and reads a parameter: whether copies go too.
const detachRolePath = "/api/access-profiles/:id/roles/:role_id"

// profileRoutes are those of access profiles.
func profileRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/api/access-profiles", permission.ViewAccessProfiles, h.ListAccessProfiles},
		{"POST", "/api/access-profiles", permission.CreateAccessProfiles, h.CreateAccessProfile},
		{"GET", "/api/access-profiles/:id", permission.ViewAccessProfiles, handlers.WithoutQuery(h.ShowAccessProfile)},
		{"PUT", "/api/access-profiles/:id", permission.UpdateAccessProfiles, h.UpdateAccessProfile},
		{"DELETE", "/api/access-profiles/:id", permission.DeleteAccessProfiles, h.DeleteAccessProfile},
		{"PUT", "/api/access-profiles/:id/activate", permission.UpdateAccessProfiles, h.ActivateAccessProfile},
		{"PUT", "/api/access-profiles/:id/deactivate", permission.UpdateAccessProfiles, h.DeactivateAccessProfile},
		{"POST", "/api/access-profiles/:id/clone", permission.CreateAccessProfiles, h.CloneAccessProfile},
		{"GET", "/api/access-profiles/:id/versions", permission.ViewAccessProfiles, h.Replicated(h.ListVersions)},
		{"GET", "/api/access-profiles/:id/versions/:version", permission.ViewAccessProfiles, h.Replicated(handlers.WithoutQuery(h.ShowVersion))},
		{"POST", "/api/access-profiles/:id/versions/:version/restore", permission.UpdateAccessProfiles, h.RestoreVersion},
		{"GET", "/api/access-profiles/:id/audit-logs", permission.ViewAccessProfiles, h.Replicated(h.ListAuditLogs)},
		{"GET", "/api/access-profiles/audit-logs", permission.ViewAuditLogs, h.Replicated(h.ListAuditLogs)},
		{"POST", "/api/access-profiles/:id/roles", createOrUpdate, h.AttachRoles},
		{"DELETE", detachRolePath, permission.DeleteAccessProfiles, h.DetachRole},
		{"POST", "/api/access-profiles/:id/pause", permission.UpdateAccessProfiles, h.PauseCopies},
		{"POST", "/api/access-profiles/:id/resume", permission.UpdateAccessProfiles, h.ResumeCopies},
		{"POST", "/api/access-profiles/:id/propagate", createOrUpdate, h.Propagate},
		{"GET", "/api/access-profiles/:id/propagate/:job", permission.ViewAccessProfiles, handlers.WithoutQuery(h.ShowPropagation)},
		{"GET", "/access-profiles", permission.ViewAccessProfiles, h.ListAccessProfiles},
		{"GET", "/access-profiles/new", permission.CreateAccessProfiles, h.NewAccessProfile},
		{"POST", "/access-profiles", permission.CreateAccessProfiles, h.CreateAccessProfile},
		{"POST", "/access-profiles/bulk", permission.UpdateAccessProfiles, h.ChangeAccessProfiles},
		{"GET", "/access-profiles/:id", permission.ViewAccessProfiles, h.ShowAccessProfile},
		{"POST", "/access-profiles/:id", permission.UpdateAccessProfiles, h.UpdateAccessProfile},
		{"GET", "/access-profiles/:id/edit", permission.UpdateAccessProfiles, h.EditAccessProfile},
		{"GET", "/access-profiles/:id/clone", permission.CreateAccessProfiles, h.NewClone},
		{"POST", "/access-profiles/:id/clone", permission.CreateAccessProfiles, h.CloneAccessProfile},
		{"GET", "/access-profiles/:id/delete", permission.DeleteAccessProfiles, h.ConfirmDeleteAccessProfile},
		{"POST", "/access-profiles/:id/delete", permission.DeleteAccessProfiles, h.DeleteAccessProfile},
		{"GET", "/access-profiles/:id/users", permission.ViewAccessProfiles, h.ListHolders},
		{"POST", "/access-profiles/:id/users/bulk", permission.DeleteAccessProfiles, h.DetachHolders},
		{"POST", "/api/access-profiles/:id/give", permission.CreateAccessProfiles, h.Handout},
		{"GET", "/access-profiles/:id/give", permission.CreateAccessProfiles, h.NewHandout},
		{"POST", "/access-profiles/:id/give", permission.CreateAccessProfiles, h.Handout},
		{"POST", "/access-profiles/:id/give/preview", permission.CreateAccessProfiles, h.PreviewHandout},
		{"GET", "/access-profiles/:id/give/:handout", permission.CreateAccessProfiles, h.ShowHandout},
		{"GET", "/access-profiles/:id/give/:handout/keys.csv", permission.CreateAccessProfiles, h.ExportHandout},
		{"GET", "/access-profiles/:id/roles", permission.ViewAccessProfiles, h.ListProfileRoles},
		{"POST", "/access-profiles/:id/roles", createOrUpdate, h.AttachRoles},
		{"GET", "/access-profiles/:id/roles/:role_id/delete", permission.DeleteAccessProfiles, h.ConfirmDetachRole},
		{"POST", "/access-profiles/:id/roles/:role_id/delete", permission.DeleteAccessProfiles, h.DetachRole},
		{"GET", "/access-profiles/:id/pause", permission.UpdateAccessProfiles, h.ConfirmPause},
		{"POST", "/access-profiles/:id/pause", permission.UpdateAccessProfiles, h.PauseCopies},
		{"GET", "/access-profiles/:id/resume", permission.UpdateAccessProfiles, h.ConfirmResume},
		{"POST", "/access-profiles/:id/resume", permission.UpdateAccessProfiles, h.ResumeCopies},
		{"GET", "/access-profiles/:id/propagate", createOrUpdate, h.NewPropagation},
		{"GET", "/access-profiles/:id/propagate/preview", createOrUpdate, h.PreviewPropagation},
		{"POST", "/access-profiles/:id/propagate/preview", createOrUpdate, h.PreviewPropagation},
		{"POST", "/access-profiles/:id/propagate", createOrUpdate, h.Propagate},
		{"GET", "/access-profiles/:id/propagate/:job", permission.ViewAccessProfiles, h.ShowPropagation},
		{"POST", "/access-profiles/:id/propagate/:job/retry", createOrUpdate, h.RetryPropagation},
		{"GET", "/access-profiles/:id/versions", permission.ViewAccessProfiles, h.Replicated(h.ListVersions)},
		{"GET", "/access-profiles/:id/versions/compare", permission.ViewAccessProfiles, h.Replicated(h.CompareVersions)},
		{"GET", "/access-profiles/:id/versions/:version", permission.ViewAccessProfiles, h.Replicated(h.ShowVersion)},
		{"POST", "/access-profiles/:id/versions/:version/restore", permission.UpdateAccessProfiles, h.RestoreVersion},
		{"GET", "/access-profiles/:id/audit", permission.ViewAccessProfiles, h.Replicated(h.ListAuditLogs)},
		{"GET", "/access-profiles/:id/audit/export", permission.ViewAccessProfiles, h.Report(h.Replicated(h.ExportAuditLogs))},
		{"POST", "/access-profiles/:id/activate", permission.UpdateAccessProfiles, h.ActivateAccessProfile},
		{"POST", "/access-profiles/:id/deactivate", permission.UpdateAccessProfiles, h.DeactivateAccessProfile},
	}
}
