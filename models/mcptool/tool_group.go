package mcptool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// ToolGroup is a named selection of tools of several MCP servers.
type ToolGroup struct {
	bun.BaseModel `bun:"table:tool_groups,alias:g" json:"-"`

	ID          int64        `json:"id" bun:",pk,autoincrement"`
	Name        string       `json:"name"`
	NameKey     string       `json:"-"`
	Description *string      `json:"description"`
	Tools       []GroupTools `json:"tools" bun:"-"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

// GroupTools is what a group grants of one server: the tools named, or all of them, including future ones, for "*".
type GroupTools struct {
	bun.BaseModel `bun:"table:tool_group_servers" json:"-"`

	ToolGroupID int64    `json:"-" bun:",pk"`
	MCPClientID string   `json:"mcp_client_id" bun:",pk"`
	ToolNames   []string `json:"tool_names" bun:",array"`
	Position    int      `json:"-"`
}

// All reports that the row grants every tool of its server.
func (t GroupTools) All() bool { return slices.Equal(t.ToolNames, []string{"*"}) }

// ListToolGroups returns a page of groups by name, and how many match in all. Search looks at names and descriptions.
func ListToolGroups(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]ToolGroup, int64, error) {
	groups, total, err := database.ListCatalogue[ToolGroup](
		ctx, db, q, "g.name_key", "g.name ILIKE ?0 OR g.description ILIKE ?0",
	)
	if err != nil {
		return nil, 0, err
	}
	return groups, total, loadGroupTools(ctx, db, groups)
}

// GetToolGroup returns one group. Refusal: NotFound.
func GetToolGroup(ctx context.Context, db bun.IDB, id int64) (ToolGroup, error) {
	return loadToolGroup(ctx, db, db.NewSelect(), id)
}

func loadToolGroup(ctx context.Context, db bun.IDB, q *bun.SelectQuery, id int64) (ToolGroup, error) {
	groups := make([]ToolGroup, 1)
	if err := q.Model(&groups[0]).Where("g.id = ?", id).Scan(ctx); err != nil {
		return groups[0], problem.NotFoundOr(err, "tool group")
	}
	return groups[0], loadGroupTools(ctx, db, groups)
}

func loadGroupTools(ctx context.Context, db bun.IDB, groups []ToolGroup) error {
	ids, place := make([]int64, len(groups)), map[int64]int{}
	for i := range groups {
		groups[i].Tools = []GroupTools{}
		ids[i], place[groups[i].ID] = groups[i].ID, i
	}
	var rows []GroupTools
	err := db.NewSelect().
		Model(&rows).Where("tool_group_id = ANY (?)", pgdialect.Array(ids)).Order("tool_group_id", "position").Scan(ctx)
	if err != nil {
		return fmt.Errorf("load the tools of tool groups: %w", err)
	}
	for _, row := range rows {
		group := &groups[place[row.ToolGroupID]]
		group.Tools = append(group.Tools, row)
	}
	return nil
}

// CreateToolGroup checks and stores a new group. Refusals: Invalid, Conflict when the name is taken.
func CreateToolGroup(ctx context.Context, db bun.IDB, actor permission.Actor, in ToolGroupInput) (ToolGroup, error) {
	var g ToolGroup
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		refs, err := in.references(ctx, tx)
		if err != nil {
			return err
		}
		if g, err = in.apply(ToolGroup{}, refs); err != nil {
			return err
		}
		g.NameKey, g.CreatedAt, g.UpdatedAt = input.NameKey(g.Name), refs.Now, refs.Now
		if _, err := tx.NewInsert().Model(&g).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert tool group: %w", err)
		}
		if err := saveGroupTools(ctx, tx, g); err != nil {
			return err
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "create", "tool_group", fmt.Sprint(g.ID), nil, g)
	})
	return g, groupTaken(err)
}

// UpdateToolGroup changes the fields sent; nothing changed means nothing written. Refusals: NotFound, those of
// input.Fresh, Invalid, Conflict when the name is taken.
func UpdateToolGroup(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in ToolGroupInput,
) (ToolGroup, error) {
	var g ToolGroup
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := loadToolGroup(ctx, tx, tx.NewSelect().For("UPDATE"), id)
		if err != nil {
			return err
		}
		if err := input.Fresh(in.Version, input.Version(old.UpdatedAt)); err != nil {
			return err
		}
		refs, err := in.references(ctx, tx)
		if err != nil {
			return err
		}
		if g, err = in.apply(old, refs); err != nil || g.same(old) {
			return err
		}
		if g.UpdatedAt = refs.Now; g.Name != old.Name {
			g.NameKey = input.NameKey(g.Name)
		}
		if _, err := tx.NewUpdate().
			Model(&g).
			Column("name", "name_key", "description", "updated_at").
			WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update tool group %d: %w", id, err)
		}
		if err := saveGroupTools(ctx, tx, g); err != nil {
			return err
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "update", "tool_group", fmt.Sprint(id), old, g)
	})
	return g, groupTaken(err)
}

func (g ToolGroup) same(old ToolGroup) bool {
	return g.Name == old.Name && input.Equal(g.Description, old.Description) &&
		slices.EqualFunc(g.Tools, old.Tools, func(a, b GroupTools) bool {
			return a.MCPClientID == b.MCPClientID && slices.Equal(a.ToolNames, b.ToolNames)
		})
}

// saveGroupTools replaces the rows of a group.
func saveGroupTools(ctx context.Context, tx database.Tx, g ToolGroup) error {
	if _, err := tx.NewDelete().Model((*GroupTools)(nil)).Where("tool_group_id = ?", g.ID).Exec(ctx); err != nil {
		return fmt.Errorf("clear the tools of tool group %d: %w", g.ID, err)
	}
	if len(g.Tools) == 0 {
		return nil
	}
	for i := range g.Tools {
		g.Tools[i].ToolGroupID, g.Tools[i].Position = g.ID, i
	}
	if _, err := tx.NewInsert().Model(&g.Tools).Exec(ctx); err != nil {
		return fmt.Errorf("save the tools of tool group %d: %w", g.ID, err)
	}
	return nil
}

func groupTaken(err error) error {
	if problem.Violates(err, "tool_groups_name_taken") {
		return problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is a tool group with this name already.",
		)
	}
	return err
}

// DeleteToolGroup removes a group that no profile names. Refusals: NotFound, Conflict with the profiles that do.
func DeleteToolGroup(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) error {
	name := "The tool group"
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		// A transaction that saves a profile with this group locks the row, so the use read next is complete.
		old, err := loadToolGroup(ctx, tx, tx.NewSelect().For("UPDATE"), id)
		if err != nil {
			return err
		}
		name = old.Name
		use, err := catalogue.ToolGroupUse(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := use.InUse("", name); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete tool group %d: %w", id, err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "delete", "tool_group", fmt.Sprint(id), old, nil)
	})
	return catalogue.InUseOr(err, name, "policy_tool_groups_unknown_group")
}
