package handlers

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// editProfileRows adds or removes a row of the form and shows it again; nothing is stored.
func (h *Handlers) editProfileRows(c *gin.Context, e shownForm) error {
	op, target, _ := strings.Cut(e.form.Op.Text, " ")
	in := &e.form.Input
	switch op {
	case "add-provider":
		e.focus = addProvider(in, e.form.NewProvider)
	case "remove-provider":
		in.ProviderConfigs.Items = without(in.ProviderConfigs.Items, target, func(r policy.ProviderConfigInput) string {
			return r.Key
		})
		e.focus = "new_provider"
	case "add-budget":
		e.focus = addBudget(in, target)
	case "remove-budget":
		removeBudget(in, target)
	case "add-override":
		row := policy.ToolOverrideInput{
			Row: newRow("o", in.MCPToolOverrides.Items, func(r policy.ToolOverrideInput) string { return r.Key }),
		}
		in.MCPToolOverrides.Items = append(in.MCPToolOverrides.Items, row)
		e.focus = "mcp_tool_overrides[" + row.Key + "].mcp_client_id"
	case "remove-override":
		in.MCPToolOverrides.Items = without(in.MCPToolOverrides.Items, target, func(r policy.ToolOverrideInput) string {
			return r.Key
		})
	case "refresh":
		if target != "" {
			e.focus = "provider_configs[" + target + "].provider_name"
		}
	default:
		return h.refuseProfile(c, e, intake.Unreadable("op", "invalid_op", "Use one of the form's buttons."))
	}
	if e.form.Choose.Kind != input.Absent {
		if err := h.describeConflict(c, &e); err != nil {
			return err
		}
	}
	return h.showEditor(c, 200, e)
}

func addProvider(in *profile.Input, name input.Value) (focus string) {
	row := policy.ProviderConfigInput{
		Row:          newRow("p", in.ProviderConfigs.Items, func(r policy.ProviderConfigInput) string { return r.Key }),
		ProviderName: name,
	}
	in.ProviderConfigs.Items = append(in.ProviderConfigs.Items, row)
	return "provider_configs[" + row.Key + "].provider_name"
}

// budgetsOf finds the budgets that a button means: a provider's by its key, the overall ones without a key.
func budgetsOf(in *profile.Input, provider string) (lines *input.List[policy.BudgetInput], name string) {
	for i := range in.ProviderConfigs.Items {
		if provider != "" && in.ProviderConfigs.Items[i].Key == provider {
			return &in.ProviderConfigs.Items[i].Budgets, "provider_configs[" + provider + "].budgets"
		}
	}
	return &in.Budgets, "budgets"
}

func addBudget(in *profile.Input, provider string) (focus string) {
	lines, name := budgetsOf(in, provider)
	row := policy.BudgetInput{
		Row:           newRow("b", lines.Items, func(r policy.BudgetInput) string { return r.Key }),
		ResetDuration: input.FormValue("1M"),
	}
	lines.Items = append(lines.Items, row)
	return name + "[" + row.Key + "].max_limit"
}

func removeBudget(in *profile.Input, target string) {
	provider, key, nested := strings.Cut(target, " ")
	if !nested {
		provider, key = "", target
	}
	lines, _ := budgetsOf(in, provider)
	lines.Items = without(lines.Items, key, func(r policy.BudgetInput) string { return r.Key })
}

func without[T any](rows []T, key string, keyOf func(T) string) []T {
	kept := rows[:0]
	for _, row := range rows {
		if keyOf(row) != key {
			kept = append(kept, row)
		}
	}
	return kept
}

// newRow gives a row a key that no row of its list has.
func newRow[T any](letter string, rows []T, keyOf func(T) string) input.Row {
	used := map[string]bool{}
	for _, row := range rows {
		used[keyOf(row)] = true
	}
	n := len(rows) + 1
	for used[letter+strconv.Itoa(n)] {
		n++
	}
	return input.Row{Kind: input.Object, Key: letter + strconv.Itoa(n)}
}

// editedRows does what a button of ordered rows says: "add", "up", "down" or "remove" with the key of a row, or "back"
// from what comes after them. ok is false for other buttons and for a row that is not there.
func editedRows[T any](
	rows []T, button string, keyOf func(T) string, made func(input.Row) T,
) (edited []T, ok bool) {
	op, key, _ := strings.Cut(button, " ")
	switch op {
	case "add":
		return append(slices.Clone(rows), made(newRow("r", rows, keyOf))), true
	case "back":
		return rows, true
	}
	at := slices.IndexFunc(rows, func(row T) bool { return keyOf(row) == key })
	if at < 0 {
		return rows, false
	}
	edited = slices.Clone(rows)
	switch {
	case op == "up" && at > 0:
		edited[at-1], edited[at] = edited[at], edited[at-1]
	case op == "down" && at < len(edited)-1:
		edited[at+1], edited[at] = edited[at], edited[at+1]
	case op == "remove":
		edited = slices.Delete(edited, at, at+1)
	}
	return edited, true
}
