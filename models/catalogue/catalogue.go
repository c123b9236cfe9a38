package catalogue

import (
	"tollgate/models/input"
	"tollgate/models/problem"
)

const maxModels = 1000

// ReadModelNames reads a list of models of a provider, each once. With star, "*" may stand for all of them.
func ReadModelNames(c *input.Reader, field, provider string, l input.List[input.Value], star bool) []string {
	names := []string{}
	if !input.CheckList(c, field, l, maxModels, "models") {
		return names
	}
	seen := map[string]bool{}
	for i, v := range l.Items {
		name := v.Text
		if !star || v.Kind != input.String || name != "*" {
			name = readModelName(c, input.Index(field, i), provider, v)
		}
		if name == "" {
			continue
		}
		if seen[name] {
			c.Add(input.Index(field, i), "duplicate_model", "List "+problem.Clip(name)+" once.")
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// readModelName reads the name of a model of a provider exactly as it is written; "" when it is none.
func readModelName(c *input.Reader, field, provider string, v input.Value) string {
	c.Required(field, v, "a model name")
	name, ok := c.Text(field, v, input.TextRule{What: "a model name", Max: LongestModel, Exact: true})
	if !ok {
		return ""
	}
	problem := modelNameProblem(name)
	if problem == "" {
		problem = modelNameProblem(BareModel(provider, name))
	}
	switch {
	case problem == "":
		return name
	case input.Tidy(name) != name:
		c.Add(field, "invalid_characters", problem)
	default:
		c.Add(field, "invalid_model", problem)
	}
	return ""
}
