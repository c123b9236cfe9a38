package input

// Fields of newer schemas of the reference that Tollgate does not have. A client may send them with a default that has
// no effect (null, or a value listed in the tag default); the decoder rejects any other value with the text of the tag
// instead. They are never stored.

// UnsupportedProfileFields are fields of newer reference schemas that are accepted at their unused default.
type UnsupportedProfileFields struct {
	AllowAllProviders Value `json:"allow_all_providers,unsupported" default:"false" instead:"name each provider in provider_configs"`
	MCPConfigs        Value `json:"mcp_configs,unsupported" default:"[]" instead:"use mcp_servers, mcp_tool_groups and mcp_tool_overrides"`
	VirtualMCPs       Value `json:"virtual_mcps,unsupported" default:"[]" instead:"use mcp_servers and mcp_tool_groups"`
	RelayGrants       Value `json:"relay_grants,unsupported" default:"[]" instead:"grant relays in the gateway that has them"`
	ModelBudgets      Value `json:"model_budgets,unsupported" default:"[]" instead:"use budgets, or the budgets of a provider config"`
	UnsupportedRotation
}

// UnsupportedProviderFields are those of a provider config.
type UnsupportedProviderFields struct {
	BlacklistedModels Value `json:"blacklisted_models,unsupported" default:"[]" instead:"list the models to allow in allowed_models"`
	KeyIDs            Value `json:"key_ids,unsupported" default:"[]" instead:"choose the provider's keys in the gateway"`
	ModelBudgets      Value `json:"model_budgets,unsupported" default:"[]" instead:"use the budgets of the provider config"`
	Weight            Value `json:"weight,unsupported" instead:"spread calls over providers in the gateway"`
}

// UnsupportedRotation are those of a virtual key.
type UnsupportedRotation struct {
	AutoRotationInterval Value `json:"auto_rotation_interval,unsupported" default:"\"\" 0" instead:"rotate keys with POST /api/governance/virtual-keys/{id}/rotate"`
	NextRotationAt       Value `json:"next_rotation_at,unsupported" instead:"rotate keys with POST /api/governance/virtual-keys/{id}/rotate"`
}

// UnsupportedRoleFields are those of a role.
type UnsupportedRoleFields struct {
	DataAccess Value `json:"dac,unsupported" default:"\"all-data\"" instead:"grant permissions in permission_ids"`
}
