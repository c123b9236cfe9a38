package decision

import (
	"context"
	"slices"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
)

// Callable lists what a subject may call now, of what the catalogues list: models as provider/model, tools as
// server/tool, or MCP servers with at least one tool that may be called. A server, when named, limits the list to its
// tools.
func (e *Engine) Callable(
	ctx context.Context, subject entitlement.Subject, kind entitlement.Kind, server string,
) ([]string, error) {
	of, err := e.decide(ctx, subject, entitlement.Call{Kind: entitlement.CallEntry}, false)
	if err != nil || of.entitlements == nil {
		return nil, err
	}
	grants, err := e.cache.Grants(ctx)
	if err != nil {
		return nil, err
	}
	catalogue, err := e.cache.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	found, now := []string{}, e.cache.Now()
	try := func(id string, call entitlement.Call) {
		call.Unpriced = entitlement.Unpriced(catalogue, call)
		if decision, _ := Decide(of.entitlements, call, grants, now); decision.Decision && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	for i := range of.entitlements.Copies {
		userCopy := &of.entitlements.Copies[i]
		if kind == entitlement.CallModel {
			tryModels(userCopy, catalogue, try)
			continue
		}
		for _, grant := range grants(userCopy) {
			switch {
			case server != "" && grant.Server != server:
			case kind == entitlement.CallSomeTool, kind == entitlement.CallWholeServer:
				try(grant.Server, entitlement.Call{Kind: kind, MCPClientID: grant.Server})
			default:
				for _, tool := range grant.Tools {
					try(grant.Server+"/"+tool, entitlement.Call{MCPClientID: grant.Server, ToolName: tool})
				}
			}
		}
	}
	return found, nil
}

// GrantedTools lists the tools of a server that a subject is granted, also while a limit leaves no room to call them.
func (e *Engine) GrantedTools(ctx context.Context, subject entitlement.Subject, server string) ([]string, error) {
	of, err := e.decide(ctx, subject, entitlement.Call{Kind: entitlement.CallEntry}, false)
	if err != nil || of.entitlements == nil || of.entitlements.Frozen != nil {
		return nil, err
	}
	grants, err := e.cache.Grants(ctx)
	if err != nil {
		return nil, err
	}
	var tools []string
	for i := range of.entitlements.Copies {
		userCopy := &of.entitlements.Copies[i]
		if !userCopy.Works(of.at) {
			continue
		}
		for _, grant := range grants(userCopy) {
			for _, tool := range grant.Tools {
				if grant.Server == server && !slices.Contains(tools, tool) {
					tools = append(tools, tool)
				}
			}
		}
	}
	return tools, nil
}

// tryModels tries each model that a copy names, or that the catalogue lists where all models of a provider are allowed.
func tryModels(userCopy *entitlement.Copy, offered *catalogue.Catalogue, try func(id string, call entitlement.Call)) {
	for _, config := range userCopy.Policy.ProviderConfigs {
		names := config.AllowedModels
		if config.AllModelsAllowed {
			names = offered.Models(config.ProviderName)
		}
		for _, model := range names {
			try(config.ProviderName+"/"+catalogue.BareModel(config.ProviderName, model),
				entitlement.Call{Provider: config.ProviderName, Model: model})
		}
	}
}
