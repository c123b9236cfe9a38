package web

import (
	"tollgate/handlers"
	"tollgate/handlers/gateway"
	"tollgate/handlers/telemetry"
	"tollgate/models/permission"
)

// usageRoutes are those of what gateways ask and report, and of reports.
func usageRoutes(h *handlers.Handlers, g *gateway.Gateway, t *telemetry.Telemetry) []route {
	return []route{
		{"GET", "/.well-known/authzen-configuration", anyone, g.AuthZENMetadata},
		{"POST", "/access/v1/evaluation", askDecisions, g.Evaluate},
		{"POST", "/access/v1/evaluations", askDecisions, g.EvaluateAll},
		{"POST", "/access/v1/search/resource", askDecisions, g.SearchResources},
		{"POST", "/access/v1/search/action", askDecisions, g.SearchActions},
		{"POST", "/api/decisions", askDecisions, g.Decide},
		{"PUT", "/api/reservations/*id", reportUsage, g.RenewReservation},
		{"DELETE", "/api/reservations/*id", reportUsage, g.ReleaseReservation},
		{"POST", "/api/usage", reportUsage, g.RecordUsage},
		{"POST", telemetry.LiteLLMPath, reportUsage, t.RecordLiteLLM},
		{"POST", telemetry.TracesPath, reportUsage, t.RecordTraces},
		{"POST", "/api/usage/adjustments", permission.UpdateUsage, g.AdjustUsage},
		{"GET", "/api/usage", permission.ViewUsage, h.Report(h.Replicated(h.ShowUsage))},
		{"GET", "/api/usage/quarantine", permission.ViewUsage, h.ListQuarantine},
		{"GET", "/api/usage/quarantine/:id", permission.ViewUsage, handlers.WithoutQuery(h.ShowQuarantined)},
		{"POST", "/api/usage/quarantine/:id/assign", permission.UpdateUsage, h.AssignQuarantined},
		{"POST", "/api/usage/quarantine/:id/dismiss", permission.UpdateUsage, h.DismissQuarantined},
		{"GET", "/usage/quarantine", permission.ViewUsage, h.ListQuarantine},
		{"GET", "/usage/quarantine/:id", permission.ViewUsage, h.ShowQuarantined},
		{"POST", "/usage/quarantine/:id/assign", permission.UpdateUsage, h.AssignQuarantined},
		{"POST", "/usage/quarantine/:id/dismiss", permission.UpdateUsage, h.DismissQuarantined},
		{"GET", "/api/usage/export", permission.ViewUsage, h.Report(h.Replicated(h.ExportUsage))},
		{"GET", "/usage", permission.ViewUsage, h.Report(h.Replicated(h.ShowUsage))},
		{"GET", "/usage/export", permission.ViewUsage, h.Report(h.Replicated(h.ExportUsage))},
		{"GET", "/api/refusals", permission.ViewUsage, h.Report(h.ListRefusals)},
		{"GET", "/refusals", permission.ViewUsage, h.Report(h.ListRefusals)},
	}
}
