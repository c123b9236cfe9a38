package decision

import (
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/problem"
)

// refuse says why a copy does not grant a call.
func refuse(held *entitlement.Copy, kind string, q entitlement.Call) Decision {
	var d Decision
	switch kind {
	case ProviderBlocked:
		provider, _ := catalogue.SplitModel(q.Provider, q.Model)
		d = refusal(kind, "The provider "+problem.Clip(provider)+" is not in "+held.Name+".")
	case ModelBlocked:
		d = refusal(kind, modelMessage(held, q))
	case modelUnpriced:
		provider, model := catalogue.SplitModel(q.Provider, q.Model)
		d = refusal(ModelBlocked, "The model "+problem.Clip(model)+" has no price in the catalogue, and "+held.Name+
			" refuses such models of "+provider+".")
	case MCPToolBlocked:
		d = refusal(kind, toolMessage(held, q))
	}
	d.Payer = payer(held)
	return d
}

func modelMessage(held *entitlement.Copy, q entitlement.Call) string {
	provider, model := catalogue.SplitModel(q.Provider, q.Model)
	switch {
	case model == "":
		return "The call names no model. Name it as provider/model, such as openai/gpt-5."
	case provider == "":
		return "The model " + problem.Clip(model) + " is of no provider in " + held.Name + ": ask for it as provider/model, such as openai/" +
			problem.Clip(model) + "."
	}
	return "The model " + problem.Clip(model) + " is not in " + held.Name + "."
}

func toolMessage(held *entitlement.Copy, q entitlement.Call) string {
	switch {
	case q.MCPClientID == "":
		return "The call names no MCP server."
	case q.Asks() == entitlement.CallSomeTool:
		return "No tool of the MCP server " + problem.Clip(q.MCPClientID) + " is in " + held.Name + "."
	case q.Asks() == entitlement.CallWholeServer:
		return "This call needs the whole MCP server " + problem.Clip(q.MCPClientID) + ", and " + held.Name + " does not grant all of it."
	case q.ToolName == "":
		return "The call names no tool of the MCP server " + problem.Clip(q.MCPClientID) + "."
	}
	return "The tool " + problem.Clip(q.MCPClientID+"/"+q.ToolName) + " is not in " + held.Name + "."
}

// words names a limit: "spend limit per 1d of openai".
func words(l entitlement.Limit) string {
	words := l.Kind + " limit per " + l.Duration
	if provider, ok := strings.CutPrefix(l.Scope, "provider:"); ok {
		words += " on " + provider
	}
	return words
}

// ambiguousModel refuses a model that several providers list.
func ambiguousModel(h *entitlement.Entitlements, q entitlement.Call, providers []string) Decision {
	spellings := make([]string, len(providers))
	for i, provider := range providers {
		spellings[i] = problem.Clip(provider + "/" + q.Model)
	}
	return refusal(ModelBlocked, "The model "+problem.Clip(q.Model)+" is of several providers: ask for it as "+
		strings.Join(spellings, " or ")+".")
}
