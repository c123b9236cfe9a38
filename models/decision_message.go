package models

import (
	"strings"
)

// refuse says why a copy does not grant a call.
func (held *heldCopy) refuse(kind string, q Question) Decision {
	var d Decision
	switch kind {
	case ProviderBlocked:
		provider, _ := splitModel(q.Provider, q.Model)
		d = refusal(kind, "The provider "+clip(provider)+" is not in "+held.name+".")
	case ModelBlocked:
		d = refusal(kind, held.modelMessage(q))
	case modelUnpriced:
		provider, model := splitModel(q.Provider, q.Model)
		d = refusal(ModelBlocked, "The model "+clip(model)+" has no price in the catalogue, and "+held.name+
			" refuses such models of "+provider+".")
	case MCPToolBlocked:
		d = refusal(kind, held.toolMessage(q))
	}
	d.Payer = held.payer()
	return d
}

func (held *heldCopy) modelMessage(q Question) string {
	provider, model := splitModel(q.Provider, q.Model)
	switch {
	case model == "":
		return "The call names no model. Name it as provider/model, such as openai/gpt-5."
	case provider == "":
		return "The model " + clip(model) + " is of no provider in " + held.name + ": ask for it as provider/model, such as openai/" +
			clip(model) + "."
	}
	return "The model " + clip(model) + " is not in " + held.name + "."
}

func (held *heldCopy) toolMessage(q Question) string {
	switch {
	case q.MCPClientID == "":
		return "The call names no MCP server."
	case q.kind() == CallSomeTool:
		return "No tool of the MCP server " + clip(q.MCPClientID) + " is in " + held.name + "."
	case q.kind() == CallWholeServer:
		return "This call needs the whole MCP server " + clip(q.MCPClientID) + ", and " + held.name + " does not grant all of it."
	case q.ToolName == "":
		return "The call names no tool of the MCP server " + clip(q.MCPClientID) + "."
	}
	return "The tool " + clip(q.MCPClientID+"/"+q.ToolName) + " is not in " + held.name + "."
}

// words names a limit: "spend limit per 1d of openai".
func (l countedLine) words() string {
	words := l.kind + " limit per " + l.duration
	if provider, ok := strings.CutPrefix(l.scope, "provider:"); ok {
		words += " on " + provider
	}
	return words
}
