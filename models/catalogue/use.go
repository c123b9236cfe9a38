package catalogue

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/plural"
	"tollgate/models/problem"
)

// Use is the dependents of a catalogue entry: the first profiles and tool groups in order, and how many there are.
type Use struct {
	Profiles, Groups         []database.Named
	ProfileCount, GroupCount int64
	// Profiles that no longer name it, but have a copy that still does.
	Behind      []database.Named
	BehindCount int64
}

// None reports that nothing prevents a deletion.
func (u Use) None() bool { return u.ProfileCount+u.GroupCount+u.BehindCount == 0 }

// Words names the dependents: "2 profiles (Engineering, Support) and 1 tool group (Read only)".
func (u Use) Words() string {
	var parts []string
	if u.ProfileCount > 0 {
		parts = append(
			parts, plural.Of(u.ProfileCount, "profile")+database.Names(u.Profiles, u.ProfileCount),
		)
	}
	if u.BehindCount > 0 {
		parts = append(parts, "copies of "+plural.Of(u.BehindCount, "profile")+
			database.Names(u.Behind, u.BehindCount)+" that are behind")
	}
	if u.GroupCount > 0 {
		parts = append(
			parts, plural.Of(u.GroupCount, "tool group")+database.Names(u.Groups, u.GroupCount),
		)
	}
	return strings.Join(parts, " and ")
}

// InUse refuses to remove an entry with dependents; nil when it has none.
func (u Use) InUse(field, what string) error {
	if u.None() {
		return nil
	}
	return problem.Refuse(problem.Conflict, field, "in_use", what+" cannot be removed while named by "+u.Words()+".")
}

// InUseOr turns a violated constraint into the same refusal, without the names of dependents.
func InUseOr(err error, what string, constraints ...string) error {
	for _, constraint := range constraints {
		if problem.Violates(err, constraint) {
			return NamedElsewhere("", what)
		}
	}
	return err
}

// NamedElsewhere is a refusal that knows no dependents by name.
func NamedElsewhere(field, what string) error {
	return problem.Refuse(problem.Conflict, field, "in_use", what+" cannot be removed while it is in use.")
}

const (
	policiesWithProvider = "(SELECT policy_id FROM provider_configs WHERE provider_name = ?)"
	policiesWithGroup    = "(SELECT policy_id FROM policy_tool_groups WHERE tool_group_id = ?)"
	policiesWithServer   = "(SELECT policy_id FROM policy_mcp_servers WHERE mcp_server_id = ?0" +
		" UNION ALL SELECT policy_id FROM policy_tool_overrides WHERE mcp_client_id = ?0)"
	policiesWithTools = "(SELECT policy_id FROM policy_tool_overrides WHERE mcp_client_id = ? AND tool_name = ANY (?))"
	groupsWithServer  = "g.id IN (SELECT tool_group_id FROM tool_group_servers WHERE mcp_client_id = ?)"
	groupsWithTools   = "g.id IN (SELECT tool_group_id FROM tool_group_servers " +
		"WHERE mcp_client_id = ? AND tool_names && ?)"
)

// ProviderUse returns the profiles that name a provider.
func ProviderUse(ctx context.Context, db bun.IDB, name string) (Use, error) {
	var u Use
	err := u.profiles(ctx, db, policiesWithProvider, name)
	return u, err
}

// ToolGroupUse returns the profiles that name a tool group.
func ToolGroupUse(ctx context.Context, db bun.IDB, id int64) (Use, error) {
	var u Use
	err := u.profiles(ctx, db, policiesWithGroup, id)
	return u, err
}

// MCPServerUse returns the profiles and tool groups that name an MCP server or one of its tools.
func MCPServerUse(ctx context.Context, db bun.IDB, clientID string) (Use, error) {
	var u Use
	if err := u.profiles(ctx, db, policiesWithServer, clientID); err != nil {
		return u, err
	}
	err := u.groups(ctx, db, groupsWithServer, clientID)
	return u, err
}

// ToolUse returns the profiles and tool groups that list one of the tools by name.
func ToolUse(ctx context.Context, db bun.IDB, clientID string, tools []string) (Use, error) {
	var u Use
	if err := u.profiles(ctx, db, policiesWithTools, clientID, pgdialect.Array(tools)); err != nil {
		return u, err
	}
	err := u.groups(ctx, db, groupsWithTools, clientID, pgdialect.Array(tools))
	return u, err
}

// NamedTools returns those of the tools that a profile or tool group lists by name.
func NamedTools(ctx context.Context, db bun.IDB, clientID string, tools []string) ([]string, error) {
	named := []string{}
	err := db.NewRaw(`
SELECT tool_name FROM policy_tool_overrides WHERE mcp_client_id = ?0 AND tool_name = ANY (?1)
UNION
SELECT tool FROM tool_group_servers, unnest(tool_names) AS tool WHERE mcp_client_id = ?0 AND tool = ANY (?1)
ORDER BY 1`, clientID, pgdialect.Array(tools)).Scan(ctx, &named)
	if err != nil {
		return nil, fmt.Errorf("look up the dependents of tools: %w", err)
	}
	return named, nil
}

func (u *Use) profiles(ctx context.Context, db bun.IDB, policies string, args ...any) (err error) {
	u.Profiles, u.ProfileCount, err = database.NamedRows(
		ctx,
		db.NewSelect().TableExpr("access_profiles AS p").Column("p.id", "p.name").
			Where("p.policy_id IN "+policies, args...).Order("p.name_key"),
	)
	if err != nil {
		return err
	}
	u.Behind, u.BehindCount, err = database.NamedRows(
		ctx,
		db.NewSelect().TableExpr("access_profiles AS p").Column("p.id", "p.name").
			Where("p.policy_id NOT IN "+policies, args...).
			Where("p.id IN (SELECT access_profile_id FROM user_access_profiles WHERE policy_id IN "+policies+")", args...).
			Order("p.name_key"),
	)
	return err
}

func (u *Use) groups(ctx context.Context, db bun.IDB, where string, args ...any) (err error) {
	u.Groups, u.GroupCount, err = database.NamedRows(
		ctx, db.NewSelect().TableExpr("tool_groups AS g").Column("g.id", "g.name").Where(where, args...).Order("g.name_key"),
	)
	return err
}
