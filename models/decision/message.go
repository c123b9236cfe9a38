package decision

import (
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/window"
)

// refuse is the decision for a call that a copy does not grant, with the reason.
func refuse(userCopy *entitlement.Copy, kind string, call entitlement.Call) Decision {
	var d Decision
	switch kind {
	case ProviderBlocked:
		provider, _ := catalogue.SplitModel(call.Provider, call.Model)
		d = denied(kind, "The provider "+problem.Clip(provider)+" is not in "+userCopy.Name+".")
	case ModelBlocked:
		d = denied(kind, modelMessage(userCopy, call))
	case modelUnpriced:
		provider, model := catalogue.SplitModel(call.Provider, call.Model)
		d = denied(ModelBlocked, "The model "+problem.Clip(model)+" has no price in the catalogue, and "+userCopy.Name+
			" refuses such models of "+provider+".")
	case MCPToolBlocked:
		d = denied(kind, toolMessage(userCopy, call))
	}
	d.Payer = payer(userCopy)
	return d
}

func modelMessage(userCopy *entitlement.Copy, call entitlement.Call) string {
	provider, model := catalogue.SplitModel(call.Provider, call.Model)
	switch {
	case model == "":
		return "The call names no model. Name it as provider/model, such as openai/gpt-5."
	case policy.NamesSeveral(model):
		return "Name one model: a name with a comma, such as " + problem.Clip(model) +
			", is granted only by a profile that lists it."
	case provider == "":
		if all := ofAllModels(userCopy); all != "" {
			return "No provider in " + userCopy.Name + " lists the model " + problem.Clip(model) +
				": ask for it as provider/model, such as " + problem.Clip(all+"/"+model) + "."
		}
	}
	return "The model " + problem.Clip(model) + " is not in " + userCopy.Name + "."
}

// ofAllModels is the first provider of a copy that allows all of its models; "" when none does.
func ofAllModels(userCopy *entitlement.Copy) string {
	for _, config := range userCopy.Policy.ProviderConfigs {
		if config.AllModelsAllowed {
			return config.ProviderName
		}
	}
	return ""
}

func toolMessage(userCopy *entitlement.Copy, call entitlement.Call) string {
	switch {
	case call.MCPClientID == "":
		return "The call names no MCP server."
	case call.Asks() == entitlement.CallSomeTool:
		return "No tool of the MCP server " + problem.Clip(call.MCPClientID) + " is in " + userCopy.Name + "."
	case call.Asks() == entitlement.CallWholeServer:
		return "This call needs the whole MCP server " + problem.Clip(call.MCPClientID) + ", and " + userCopy.Name +
			" does not grant all of it."
	case call.ToolName == "":
		return "The call names no tool of the MCP server " + problem.Clip(call.MCPClientID) + "."
	}
	return "The tool " + problem.Clip(call.MCPClientID+"/"+call.ToolName) + " is not in " + userCopy.Name + "."
}

// words names a limit: "budget of $50.00 per day on openai in Engineering".
func words(l entitlement.Limit, capped int64, profile string) string {
	words := plural.Choose(l.Kind == policy.KindSpend, "budget of ", "limit of ") +
		policy.AmountOf(l.Kind, capped) + " per " + window.Unit(l.Duration)
	if !l.Scope.Overall() {
		words += " on " + l.Scope.Name()
	}
	return words + " in " + profile
}

// ambiguousModel blocks a model that several providers list.
func ambiguousModel(h *entitlement.Entitlements, call entitlement.Call, providers []string) Decision {
	spellings := make([]string, len(providers))
	for i, provider := range providers {
		spellings[i] = problem.Clip(provider + "/" + call.Model)
	}
	return denied(ModelBlocked, "Several providers list the model "+problem.Clip(call.Model)+": ask for it as "+
		strings.Join(spellings, " or ")+".")
}
