package profile

import (
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// Profile is a named policy that is attached to roles or assigned to users. As JSON it is the API document, and a
// version's snapshot.
type Profile struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Description *string  `json:"description"`
	IsActive    bool     `json:"is_active"`
	Version     int64    `json:"version"`
	Tags        []string `json:"tags"`
	policy.Policy
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	Note string `json:"-"` // why it is saved: of the version that a save makes, not of the profile
}

// profileRow is the part of a profile that lists search and sort by; the rest is in its policy's tables.
type profileRow struct {
	bun.BaseModel `bun:"table:access_profiles,alias:p"`

	ID          int64 `bun:",pk,autoincrement"`
	PolicyID    int64
	Name        string
	NameKey     string
	Description *string
	SearchKey   string
	Tags        []string `bun:",array"`
	TagKeys     []string `bun:",array"`
	IsActive    bool
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time

	PolicyVersion int64 // the version that last changed the policy
}

func (p Profile) row(policyID, policyVersion int64) profileRow {
	search, keys := p.Name, make([]string, len(p.Tags))
	if p.Description != nil {
		search += "\n" + *p.Description
	}
	for i, tag := range p.Tags {
		keys[i] = input.FoldCase(tag)
	}
	return profileRow{
		ID: p.ID, PolicyID: policyID, Name: p.Name, NameKey: input.NameKey(p.Name), Description: p.Description,
		SearchKey: input.Fold(search), Tags: p.Tags, TagKeys: keys, IsActive: p.IsActive, Version: p.Version,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		PolicyVersion: policyVersion,
	}
}

// Input is what a client may send to create or change a profile. Read-only fields are ignored, so that a document can
// be sent back.
type Input struct {
	input.Row
	ID               input.Value                            `json:"id,readonly"`
	Name             input.Value                            `json:"name"`
	Description      input.Value                            `json:"description"`
	IsActive         input.Value                            `json:"is_active,compared"`
	Version          input.Value                            `json:"version,readonly"`
	Tags             input.List[input.Value]                `json:"tags"`
	ProviderConfigs  input.List[policy.ProviderConfigInput] `json:"provider_configs"`
	Budgets          input.List[policy.BudgetInput]         `json:"budgets"`
	RateLimit        policy.RateLimitInput                  `json:"rate_limit"`
	CalendarAligned  input.Value                            `json:"calendar_aligned"`
	TimeZone         input.Value                            `json:"time_zone"`
	FailOpenFor      input.Value                            `json:"fail_open_for"`
	MCPToolGroups    input.List[policy.ToolGroupGrantInput] `json:"mcp_tool_groups"`
	MCPServers       input.List[policy.ServerGrantInput]    `json:"mcp_servers"`
	MCPToolOverrides input.List[policy.ToolOverrideInput]   `json:"mcp_tool_overrides"`
	CreatedAt        input.Value                            `json:"created_at,readonly"`
	UpdatedAt        input.Value                            `json:"updated_at,readonly"`
	Note             input.Value                            `json:"note"`
	input.UnsupportedProfileFields
}

// Apply returns p with the fields that were sent, and every problem found. Fields left out keep their values. What the
// input refers to is not looked up.
func (in Input) Apply(p Profile) (Profile, problem.Problems) {
	return in.applyTo(p, nil)
}

func (in Input) applyTo(p Profile, refs *mcptool.References) (Profile, problem.Problems) {
	c := &input.Reader{}
	if p.ID == 0 {
		c.Required("name", in.Name, "a name")
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok {
		p.Name = name
	}
	c.Description(in.Description, &p.Description)
	if in.IsActive.Kind != input.Absent && (in.IsActive.Kind != input.Bool || (in.IsActive.Text == "true") != p.IsActive) {
		c.Add("is_active", "read_only", "Use activate or deactivate to change this.")
	}
	readTags(c, in.Tags, &p.Tags)
	if in.ProviderConfigs.Kind != input.Absent || p.ProviderConfigs == nil {
		p.ProviderConfigs = policy.ReadProviderConfigs(c, in.ProviderConfigs, refs)
	}
	if in.Budgets.Kind != input.Absent || p.Budgets == nil {
		p.Budgets = policy.ReadBudgets(c, "budgets", in.Budgets, policy.Scope{})
	}
	if len(in.Budgets.Items) <= policy.MaxBudgets && in.budgetLines(p) > policy.MaxBudgets {
		c.Add("budgets", "too_many_items", "Keep at most 100 budgets in the whole profile, those of providers included.")
	}
	if in.RateLimit.Kind != input.Absent {
		p.RateLimit = policy.ReadRateLimit(c, "rate_limit", in.RateLimit)
	}
	if in.CalendarAligned.Given() { // null is the same as left out
		if aligned, ok := c.Bool("calendar_aligned", in.CalendarAligned); ok {
			p.CalendarAligned = aligned
		}
	}
	readTimeZone(c, in.TimeZone, refs, &p.TimeZone)
	p.FailOpenFor = readFailOpen(c, in.FailOpenFor, p.FailOpenFor)
	if in.MCPToolGroups.Kind != input.Absent || p.MCPToolGroups == nil {
		p.MCPToolGroups = policy.ReadToolGroups(c, in.MCPToolGroups, refs)
	}
	if in.MCPServers.Kind != input.Absent || p.MCPServers == nil {
		p.MCPServers = policy.ReadServers(c, in.MCPServers, refs)
	}
	if in.MCPToolOverrides.Kind != input.Absent || p.MCPToolOverrides == nil {
		p.MCPToolOverrides = policy.ReadToolOverrides(c, in.MCPToolOverrides, p.MCPServers, refs)
	} else if in.MCPServers.Kind != input.Absent {
		checkKeptOverrides(c, p)
	}
	p.Note = readNote(c, in.Note)
	return p, c.Problems
}

// readNote reads why a version is saved; null and blanks are no note.
func readNote(c *input.Reader, v input.Value) string {
	if !v.Given() || v.Kind == input.String && strings.TrimSpace(v.Text) == "" {
		return ""
	}
	note, _ := c.Text("note", v, input.TextRule{What: "a note", Max: 500})
	return note
}

// readFailOpen reads for how long calls are allowed without the database. Null and an empty field are 0.
func readFailOpen(c *input.Reader, v input.Value, before int64) int64 {
	switch {
	case v.Kind == input.Absent:
		return before
	case v.Kind == input.Null, v.FromForm && strings.TrimSpace(v.Text) == "":
		return 0
	}
	seconds, _ := c.Int("fail_open_for", v, "the seconds without the database", 0, policy.MaxFailOpen)
	return seconds
}

// budgetLines counts the budgets of the whole profile, including those refused for another reason: where lists were
// left out, those of p.
func (in Input) budgetLines(p Profile) int {
	n := len(p.Budgets)
	if in.Budgets.Kind == input.Array {
		n = len(in.Budgets.Items)
	}
	if in.ProviderConfigs.Kind != input.Array {
		return n + p.ProviderBudgets()
	}
	for _, config := range in.ProviderConfigs.Items {
		n += len(config.Budgets.Items)
	}
	return n
}

const maxTags = 50 // of a profile

func readTags(c *input.Reader, l input.List[input.Value], tags *[]string) {
	if !input.CheckList(c, "tags", l, maxTags, "tags") {
		if *tags == nil {
			*tags = []string{}
		}
		return
	}
	*tags = []string{}
	seen := map[string]bool{}
	for i, v := range l.Items {
		tag, ok := readTag(c, input.Index("tags", i), v)
		if !ok {
			continue
		}
		if seen[input.FoldCase(tag)] {
			c.Add(input.Index("tags", i), "duplicate_tag", "List the tag "+tag+" once.")
		}
		seen[input.FoldCase(tag)] = true
		*tags = append(*tags, tag)
	}
}

// readTag reads one tag.
func readTag(c *input.Reader, field string, v input.Value) (tag string, ok bool) {
	c.Required(field, v, "a tag")
	tag, ok = c.Text(field, v, input.TextRule{What: "a tag", Max: 64})
	if ok && strings.Contains(tag, ",") {
		c.Add(field, "invalid_characters", "Write the tag without a comma.")
		return tag, false
	}
	return tag, ok
}

// checkKeptOverrides reports stored excludes that contradict newly granted servers.
func checkKeptOverrides(c *input.Reader, p Profile) {
	for _, o := range p.MCPToolOverrides {
		if o.Action == "exclude" && policy.GrantsWhole(p.MCPServers, o.MCPClientID) {
			c.Add("mcp_servers", "exclude_on_allow_all_server", "The profile excludes "+o.ToolName+" of "+o.MCPClientID+
				", so that server cannot be granted whole. Remove that override first.")
		}
	}
}
