package views

import (
	"maps"
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
	granted := map[string]*serverTools{}
	for _, assigned := range p.working() {
		for _, grant := range policy.Grants(p.Catalogue, assigned.Policy) {
			if granted[grant.Server] == nil {
				granted[grant.Server] = &serverTools{}
			}
			granted[grant.Server].add(grant)
		}
	}
	var lines []string
	for _, server := range slices.Sorted(maps.Keys(granted)) {
		lines = append(lines, server+": "+granted[server].words())
	}
	return lines
}

// serverTools are the tools of a server that several policies grant together.
type serverTools struct {
	whole           bool     // some policy grants all, including future tools
	tools, excluded []string // excluded are those that every policy excludes which grants all
}

func (t *serverTools) add(grant policy.Grant) {
	t.tools = append(t.tools, grant.Tools...)
	switch named := grant.Whole || len(grant.Excluded) > 0; {
	case named && t.whole:
		t.excluded = slices.DeleteFunc(t.excluded, func(tool string) bool { return !slices.Contains(grant.Excluded, tool) })
	case named:
		t.whole, t.excluded = true, slices.Clone(grant.Excluded)
	}
}

func (t *serverTools) words() string {
	if t.whole {
		words := "every tool, including future tools"
		denied := slices.DeleteFunc(t.excluded, func(tool string) bool { return slices.Contains(t.tools, tool) })
		if len(denied) > 0 {
			words += ", without " + firstTools(denied)
		}
		return words
	}
	return firstTools(t.tools)
}

// firstTools names the first tools, and how many more there are.
func firstTools(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	shown := strings.Join(names[:min(len(names), toolsShown)], ", ")
	if more := len(names) - toolsShown; more > 0 {
		shown += " and " + strconv.Itoa(more) + " more"
	}
	return shown
}

const toolsShown = 8

// working are the copies that grant something at the moment.
func (p UserPage) working() []assignment.Assignment {
	return slices.DeleteFunc(slices.Clone(p.Copies), func(u assignment.Assignment) bool {
		return !u.IsActive || u.Expired(p.Now) || p.User.DeactivatedAt != nil
	})
}
