package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

type bodyFields = []bodyField

type bodyField struct {
	name  string
	value any // a json.RawMessage, bodyFields, []any
}

// Body is the JSON body that sends the same input to the API, indented. What is not a number where one belongs is sent as text, so that
// the API says of it what the form says.
func (in AccessProfileInput) Body() (string, error) {
	tags := bodyTexts(in.Tags)
	fields := bodyFields{
		{"name", bodyText(in.Name)},
		{"description", bodyText(in.Description)},
		{"tags", tags},
		{"provider_configs", each(in.ProviderConfigs, ProviderConfigInput.body)},
		{"budgets", each(in.Budgets, BudgetInput.body)},
		{"rate_limit", in.RateLimit.body()},
		{"calendar_aligned", bodyTruth(in.CalendarAligned)},
		{"time_zone", bodyText(in.TimeZone)},
		{"mcp_tool_groups", each(in.MCPToolGroups, func(g ToolGroupGrantInput) any { return bodyFields{{"tool_group_id", bodyNumber(g.ToolGroupID)}} })},
		{"mcp_servers", each(in.MCPServers, func(s ServerGrantInput) any { return bodyFields{{"mcp_server_id", bodyText(s.MCPServerID)}} })},
		{"mcp_tool_overrides", each(in.MCPToolOverrides, func(o ToolOverrideInput) any {
			return bodyFields{{"mcp_client_id", bodyText(o.MCPClientID)}, {"tool_name", bodyText(o.ToolName)}, {"action", bodyText(o.Action)}}
		})},
	}
	var compact, indented bytes.Buffer
	if err := writeBody(&compact, fields); err != nil {
		return "", err
	}
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return "", fmt.Errorf("write request body: %w", err)
	}
	return indented.String(), nil
}

func (config ProviderConfigInput) body() any {
	return bodyFields{
		{"provider_name", bodyText(config.ProviderName)},
		{"all_models_allowed", bodyTruth(config.AllModelsAllowed)},
		{"allowed_models", bodyTexts(config.AllowedModels)},
		{"refuse_unpriced", bodyTruth(config.RefuseUnpriced)},
		{"budgets", each(config.Budgets, BudgetInput.body)},
		{"rate_limit", config.RateLimit.body()},
	}
}

func (b BudgetInput) body() any {
	fields := bodyFields{{"max_limit", bodyNumber(b.MaxLimit)}, {"reset_duration", bodyText(b.ResetDuration)}}
	if b.ResetConfig.QuarterStartMonth.Given() {
		fields = append(fields, bodyField{"reset_config", bodyFields{{"quarter_start_month", bodyNumber(b.ResetConfig.QuarterStartMonth)}}})
	}
	return fields
}

func (r RateLimitInput) body() any {
	var fields bodyFields
	for _, pair := range []bodyField{
		{"token_max_limit", bodyNumber(r.TokenMaxLimit)},
		{"token_reset_duration", bodyText(r.TokenResetDuration)},
		{"request_max_limit", bodyNumber(r.RequestMaxLimit)},
		{"request_reset_duration", bodyText(r.RequestResetDuration)},
	} {
		if pair.value != nil {
			fields = append(fields, pair)
		}
	}
	if fields == nil {
		return nil
	}
	return fields
}

func bodyText(v Value) any {
	if !v.Given() {
		return nil
	}
	return v.Text
}

func bodyNumber(v Value) any {
	if literal := strings.TrimSpace(v.Text); v.Given() && isJSONNumber(literal) {
		return json.RawMessage(literal)
	}
	return bodyText(v)
}

func bodyTruth(v Value) any {
	truth, err := strconv.ParseBool(v.Text)
	return err == nil && truth
}

func bodyTexts(l List[Value]) []any {
	return each(l, bodyText)
}

func each[T any](l List[T], body func(T) any) []any {
	bodies := []any{}
	for _, item := range l.Items {
		bodies = append(bodies, body(item))
	}
	return bodies
}

func writeBody(to *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case bodyFields:
		to.WriteByte('{')
		for i, field := range v {
			if i > 0 {
				to.WriteByte(',')
			}
			to.WriteString(strconv.Quote(field.name) + ":")
			if err := writeBody(to, field.value); err != nil {
				return err
			}
		}
		to.WriteByte('}')
	case []any:
		to.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				to.WriteByte(',')
			}
			if err := writeBody(to, item); err != nil {
				return err
			}
		}
		to.WriteByte(']')
	default:
		encoder := json.NewEncoder(to)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			return fmt.Errorf("write request body: %w", err)
		}
	}
	return nil
}
