package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/mcptool"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/views/ui"
)

// ToolGroupForm is a tool group as it was filled in; ID is that of one that exists.
type ToolGroupForm struct {
	ID        int64
	Input     mcptool.ToolGroupInput
	Filter    string // over the tools, without scripts
	Problems  problem.Problems
	Catalogue catalogue.Catalogue
}

func (f ToolGroupForm) action() string {
	if f.ID == 0 {
		return "/mcp/tool-groups"
	}
	return "/mcp/tool-groups/" + strconv.FormatInt(f.ID, 10)
}

// toolBranch is a server in the tree of tools.
type toolBranch struct {
	Name, Key string
	Tools     []toolBox
	All       bool
	Picked    int
	Error     string
	Open      bool
}

// toolBox is a tool that can be ticked. One that the filter leaves out keeps its tick.
type toolBox struct {
	Name           string
	Ticked, Hidden bool
}

func (b toolBranch) shown() (n int) {
	for _, tool := range b.Tools {
		if !tool.Hidden {
			n++
		}
	}
	return n
}

func (b toolBranch) field(name string) string { return "tools[" + b.Key + "]." + name }

func (b toolBranch) count() string {
	if b.All {
		return "all, including future tools"
	}
	return strconv.Itoa(b.Picked) + " of " + strconv.Itoa(len(b.Tools))
}

// fewTools is how many tools are shown without folding any away.
const fewTools = 40

// tree is every server with its tools, ticked as they came.
func (f ToolGroupForm) tree() []toolBranch {
	rows, problems := f.rows(), f.serverProblems()
	total := 0
	for _, server := range f.Catalogue.Servers {
		total += len(server.Tools)
	}
	branches := make([]toolBranch, len(f.Catalogue.Servers))
	for i, server := range f.Catalogue.Servers {
		ticked := rows[server.ClientID]
		b := toolBranch{Name: server.ClientID, Key: "s" + strconv.Itoa(i), All: ticked["*"], Error: problems[server.ClientID]}
		for _, tool := range ui.PickedFirst(server.Tools, slices.Collect(maps.Keys(ticked))) {
			b.Tools = append(b.Tools, toolBox{tool, ticked[tool], !matches(f.Filter, server.ClientID, tool)})
			if ticked[tool] {
				b.Picked++
			}
		}
		b.Open = total <= fewTools || b.All || b.Picked > 0 || b.Error != "" || f.Filter != "" && b.shown() > 0
		branches[i] = b
	}
	return branches
}

// rows maps the servers of the input to the tools ticked.
func (f ToolGroupForm) rows() map[string]map[string]bool {
	rows := map[string]map[string]bool{}
	for _, row := range f.Input.Tools.Items {
		ticked := map[string]bool{}
		for _, name := range row.ToolNames.Items {
			ticked[name.Text] = true
		}
		rows[row.MCPClientID.Text] = ticked
	}
	return rows
}

// serverOf is the server that a problem is about, "" when it is about something else.
func (f ToolGroupForm) serverOf(p problem.Problem) string {
	place, _, found := strings.Cut(strings.TrimPrefix(p.Field, "tools["), "]")
	i, err := strconv.Atoi(place)
	if !found || err != nil || i >= len(f.Input.Tools.Items) {
		return ""
	}
	return f.Input.Tools.Items[i].MCPClientID.Text
}

func (f ToolGroupForm) serverProblems() map[string]string {
	problems := map[string]string{}
	for _, problem := range f.Problems {
		if server := f.serverOf(problem); server != "" {
			problems[server] = strings.TrimSpace(problems[server] + " " + problem.Message)
		}
	}
	return problems
}

// toolsError is what is wrong with the choice as a whole, or with a server that is gone.
func (f ToolGroupForm) toolsError() string {
	for _, problem := range f.Problems {
		if ui.InList(problem.Field, "tools") && f.branchID(f.serverOf(problem)) == "" {
			return problem.Message
		}
	}
	return ""
}

// branchID is the id of a server's first tick box, "" when it is not in the tree.
func (f ToolGroupForm) branchID(server string) string {
	for i, known := range f.Catalogue.Servers {
		if known.ClientID == server {
			return ui.FieldID("tools[s" + strconv.Itoa(i) + "].tool_names")
		}
	}
	return ""
}

func (f ToolGroupForm) summary() []ui.ProblemLink {
	links := ui.ProblemLinks(f.Problems)
	for i, problem := range f.Problems {
		if ui.InList(problem.Field, "tools") {
			links[i].ID = cmp.Or(f.branchID(f.serverOf(problem)), "tools")
		}
	}
	return links
}

// treeCount says how many tools are ticked, and how many of them all the filter shows.
func treeCount(branches []toolBranch, filter string) string {
	picked, total := 0, 0
	for _, branch := range branches {
		picked, total = picked+branch.Picked, total+len(branch.Tools)
	}
	count := strconv.Itoa(picked) + " of " + strconv.Itoa(total)
	if filter != "" {
		count = strconv.Itoa(treeShown(branches)) + " matching, " + count
	}
	return count
}

func treeShown(branches []toolBranch) (n int) {
	for _, branch := range branches {
		n += branch.shown()
	}
	return n
}

// groupLines says what a group grants, a line a server: "9 github tools", "all jira tools, including future tools".
func groupLines(g mcptool.ToolGroup) []string {
	lines := make([]string, len(g.Tools))
	for i, row := range g.Tools {
		if lines[i] = plural.Of(len(row.ToolNames), row.MCPClientID+" tool"); row.All() {
			lines[i] = "all " + row.MCPClientID + " tools, including future tools"
		}
	}
	return lines
}

// toolsOf lists what a row grants now.
func toolsOf(row mcptool.GroupTools, offered catalogue.Catalogue) []string {
	if !row.All() {
		return row.ToolNames
	}
	for _, server := range offered.Servers {
		if server.ClientID == row.MCPClientID {
			return server.Tools
		}
	}
	return nil
}
