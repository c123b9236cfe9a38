package views

import (
	"slices"
	"strconv"
	"strings"

	"tollgate/models/assignment"
	"tollgate/models/policy"
)

type accessLine struct {
	Provider string
	Models   []string
}

// accessLines add up what the user's working copies grant of models, provider by provider.
func (p UserPage) accessLines() []accessLine {
	var lines []accessLine
	for _, assigned := range p.working() {
		for _, config := range assigned.ProviderConfigs {
			i := slices.IndexFunc(lines, func(l accessLine) bool { return l.Provider == config.ProviderName })
			if i < 0 {
				i = len(lines)
				lines = append(lines, accessLine{Provider: config.ProviderName})
			}
			switch {
			case slices.Equal(lines[i].Models, everyModel):
			case config.AllModelsAllowed:
				lines[i].Models = everyModel
			default:
				for _, model := range config.AllowedModels {
					if !slices.Contains(lines[i].Models, model) {
						lines[i].Models = append(lines[i].Models, model)
					}
				}
			}
		}
	}
	return lines
}

var everyModel = []string{"every model"}

// toolLines add up the tools, server by server.
func (p UserPage) toolLines() []string {
	tools := map[string][]string{}
	var servers []string
	for _, assigned := range p.working() {
		for _, grant := range policy.Grants(p.Catalogue, assigned.Policy) {
			if tools[grant.Server] == nil {
				servers = append(servers, grant.Server)
			}
			tools[grant.Server] = append(tools[grant.Server], grant.Tools...)
		}
	}
	slices.Sort(servers)
	var lines []string
	for _, server := range servers {
		slices.Sort(tools[server])
		names := slices.Compact(tools[server])
		shown := strings.Join(names[:min(len(names), toolsShown)], ", ")
		if more := len(names) - toolsShown; more > 0 {
			shown += " and " + strconv.Itoa(more) + " more"
		}
		lines = append(lines, server+": "+shown)
	}
	return lines
}

const toolsShown = 8

// working are the copies that grant something at the moment.
func (p UserPage) working() []assignment.Assignment {
	return slices.DeleteFunc(slices.Clone(p.Copies), func(u assignment.Assignment) bool {
		return !u.IsActive || u.Expired(p.Now) || p.User.DeactivatedAt != nil
	})
}
