package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/money"
)

// RowAt is the row of a form at an index.
func RowAt(letter string, i int) input.Row {
	return input.Row{Kind: input.Object, Key: letter + strconv.Itoa(i+1)}
}

// BudgetInputs are budgets as a form shows them.
func BudgetInputs(budgets []Budget) input.List[BudgetInput] {
	var l input.List[BudgetInput]
	for i, budget := range budgets {
		row := BudgetInput{
			Row:           RowAt("b", i),
			MaxLimit:      input.FormValue(budget.MaxLimit.String()),
			ResetDuration: input.FormValue(budget.ResetDuration),
		}
		if budget.ResetConfig != nil {
			row.ResetConfig = ResetConfigInput{
				input.Row{Kind: input.Object},
				input.FormValue(strconv.Itoa(budget.ResetConfig.QuarterStartMonth)),
			}
		}
		l.Items = append(l.Items, row)
	}
	return l
}

// BodyFields are the members of an object in the order in which they are written.
type BodyFields = []bodyField

type bodyField struct {
	Name  string
	Value any // a json.RawMessage, BodyFields, []any
}

// Body is the JSON that a client would send.
func (config ProviderConfigInput) Body() any {
	return BodyFields{
		{"provider_name", BodyText(config.ProviderName)},
		{"all_models_allowed", BodyTruth(config.AllModelsAllowed)},
		{"allowed_models", BodyTexts(config.AllowedModels)},
		{"refuse_unpriced", BodyTruth(config.RefuseUnpriced)},
		{"budgets", Each(config.Budgets, BudgetInput.Body)},
		{"rate_limit", config.RateLimit.Body()},
	}
}

// Body is the JSON that a client would send.
func (b BudgetInput) Body() any {
	fields := BodyFields{{"max_limit", bodyAmount(b.MaxLimit)}, {"reset_duration", BodyText(b.ResetDuration)}}
	if b.ResetConfig.QuarterStartMonth.Given() {
		fields = append(
			fields, bodyField{"reset_config", BodyFields{{"quarter_start_month", BodyNumber(b.ResetConfig.QuarterStartMonth)}}},
		)
	}
	return fields
}

// BodyText is a text as JSON.
func BodyText(v input.Value) any {
	if !v.Given() {
		return nil
	}
	return v.Text
}

// BodyNumber is a number as JSON.
func BodyNumber(v input.Value) any {
	if literal := strings.TrimSpace(v.Text); v.Given() && money.IsJSONNumber(literal) {
		return json.RawMessage(literal)
	}
	return BodyText(v)
}

// bodyAmount is an amount as JSON, also one that was typed with its marks.
func bodyAmount(v input.Value) any {
	if literal, err := v.AmountLiteral(); err == nil {
		return json.RawMessage(literal)
	}
	return BodyText(v)
}

// BodyTruth is true or false as JSON.
func BodyTruth(v input.Value) any {
	truth, err := strconv.ParseBool(v.Text)
	return err == nil && truth
}

// BodyTexts are texts as JSON.
func BodyTexts(l input.List[input.Value]) []any {
	return Each(l, BodyText)
}

// Each writes each row of a list as JSON.
func Each[T any](l input.List[T], body func(T) any) []any {
	bodies := []any{}
	for _, item := range l.Items {
		bodies = append(bodies, body(item))
	}
	return bodies
}

// WriteBody writes an object as JSON, its members in their order.
func WriteBody(to *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case BodyFields:
		to.WriteByte('{')
		for i, field := range v {
			if i > 0 {
				to.WriteByte(',')
			}
			to.WriteString(strconv.Quote(field.Name) + ":")
			if err := WriteBody(to, field.Value); err != nil {
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
			if err := WriteBody(to, item); err != nil {
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
