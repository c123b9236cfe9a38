package mcptool

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// Server is a server whose tools profiles and tool groups may grant.
type Server struct {
	bun.BaseModel `bun:"table:mcp_servers,alias:s" json:"-"`

	ClientID  string   `json:"client_id" bun:",pk"`
	Name      string   `json:"name"`
	NameKey   string   `json:"-"`
	URL       *string  `json:"url"`
	Tools     []string `json:"tools" bun:",array"`
	GoneTools []string `json:"gone_tools" bun:",array"` // of the tools, those that the server no longer lists
	// ToolDescriptions are what the server said of its tools when it was last asked, by name.
	ToolDescriptions map[string]string `json:"tool_descriptions" bun:",type:jsonb"`
	ToolsRefreshedAt *time.Time        `json:"tools_refreshed_at"` // when the server was last asked for them
	// The credential for discovery: which header carries it, its sealed value, and when it was entered.
	CredentialHeader *string    `json:"credential_header"`
	CredentialSealed []byte     `json:"-"`
	CredentialSetAt  *time.Time `json:"credential_set_at"`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
}

// ListServers returns a page of servers by name, and how many match in all. Search looks at names, ids and tools.
func ListServers(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]Server, int64, error) {
	return database.ListCatalogue[Server](ctx, db, q, "s.name_key",
		`s.name ILIKE ?0 OR s.client_id ILIKE ?0 OR array_to_string(s.tools, E'\n') ILIKE ?0`)
}

// GetServer returns one server. Refusal: NotFound.
func GetServer(ctx context.Context, db bun.IDB, clientID string) (Server, error) {
	return loadServer(ctx, db.NewSelect(), clientID)
}

func loadServer(ctx context.Context, q *bun.SelectQuery, clientID string) (Server, error) {
	var s Server
	if !input.Identifier.MatchString(clientID) {
		return s, problem.Missing("MCP server")
	}
	if err := q.Model(&s).Where("s.client_id = ?", clientID).Scan(ctx); err != nil {
		return s, problem.NotFoundOr(err, "MCP server")
	}
	return s, nil
}

// CreateServer checks and stores a new server. Refusals: Invalid, Conflict when the name or the id is taken.
func CreateServer(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in ServerInput,
) (Server, error) {
	s, err := in.apply(Server{ToolDescriptions: map[string]string{}}, keys)
	if err != nil {
		return s, err
	}
	s.NameKey = input.NameKey(s.Name)
	derived := s.ClientID == ""
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if derived {
			if s.ClientID, err = freeClientID(ctx, tx, Slug(s.Name)); err != nil {
				return err
			}
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		s.CreatedAt, s.UpdatedAt = now, now
		s.dateCredential(now)
		if _, err := tx.NewInsert().Model(&s).Exec(ctx); err != nil {
			return fmt.Errorf("insert MCP server: %w", err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "create", "mcp_client", s.ClientID, nil, s)
	})
	return s, serverTaken(err)
}

// freeClientID is the preferred id, with a number appended when it is taken.
func freeClientID(ctx context.Context, tx database.Tx, wish string) (string, error) {
	taken := []string{}
	if err := tx.NewSelect().
		Table("mcp_servers").
		Column("client_id").Where("starts_with(client_id, ?)", wish).Scan(ctx, &taken); err != nil {
		return "", fmt.Errorf("look for a free id: %w", err)
	}
	taken = append(taken, input.FormSegment)
	id := wish
	for n := 2; slices.Contains(taken, id); n++ {
		id = wish + "-" + strconv.Itoa(n)
	}
	return id, nil
}

func serverTaken(err error) error {
	switch {
	case problem.Violates(err, "mcp_servers_name_taken"):
		return problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is an MCP server with this name already.",
		)
	case problem.Violates(err, "mcp_servers_id_taken"):
		return problem.Refuse(
			problem.Conflict, "client_id", "name_taken", "Choose another id: there is an MCP server with this one already.",
		)
	}
	return err
}

// UpdateServer changes the fields sent; nothing changed means nothing written. Refusals: NotFound, those of
// input.Fresh, Invalid, Conflict when the name is taken or a removed tool is still named.
func UpdateServer(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, clientID string, in ServerInput,
) (Server, error) {
	return ChangeServer(
		ctx, db, actor, clientID,
		func(_ context.Context, _ database.Tx, old Server) (Server, error) {
			if err := input.Fresh(in.Version, input.Version(old.UpdatedAt)); err != nil {
				return old, err
			}
			return in.apply(old, keys)
		},
	)
}

// ChangeServer changes a server in a transaction that has locked it.
func ChangeServer(
	ctx context.Context, db bun.IDB, actor permission.Actor, clientID string,
	edit func(context.Context, database.Tx, Server) (Server, error),
) (Server, error) {
	var s Server
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		// A transaction that saves a reference to a tool of this server locks the row, so the use read next is complete.
		old, err := loadServer(ctx, tx.NewSelect().For("UPDATE"), clientID)
		if err != nil {
			return err
		}
		if s, err = edit(ctx, tx, old); err != nil || s.same(old) {
			return err
		}
		if err := checkToolsUnused(ctx, tx, clientID, Without(old.Tools, s.Tools)); err != nil {
			return err
		}
		if s.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		s.dateCredential(s.UpdatedAt)
		if s.Name != old.Name {
			s.NameKey = input.NameKey(s.Name)
		}
		_, err = tx.NewUpdate().
			Model(&s).
			Column("name", "name_key", "url", "tools", "gone_tools", "tools_refreshed_at", "tool_descriptions", "updated_at",
				"credential_header", "credential_sealed", "credential_set_at").
			WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("update MCP server %s: %w", clientID, err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "update", "mcp_client", clientID, old, s)
	})
	return s, serverTaken(err)
}

func (s Server) same(old Server) bool {
	return s.Name == old.Name && input.Equal(s.URL, old.URL) && slices.Equal(s.Tools, old.Tools) &&
		slices.Equal(s.GoneTools, old.GoneTools) && maps.Equal(s.ToolDescriptions, old.ToolDescriptions) &&
		s.ToolsRefreshedAt == old.ToolsRefreshedAt &&
		input.Equal(s.CredentialHeader, old.CredentialHeader) && bytes.Equal(s.CredentialSealed, old.CredentialSealed)
}

// dateCredential notes when a credential was entered that has no time yet.
func (s *Server) dateCredential(now time.Time) {
	if s.CredentialHeader != nil && s.CredentialSetAt == nil {
		s.CredentialSetAt = &now
	}
}

// checkToolsUnused refuses to remove tools that a profile or a tool group names.
func checkToolsUnused(ctx context.Context, tx database.Tx, clientID string, removed []string) error {
	if len(removed) == 0 {
		return nil
	}
	named, err := catalogue.NamedTools(ctx, tx, clientID, removed)
	if err != nil || len(named) == 0 {
		return err
	}
	use, err := catalogue.ToolUse(ctx, tx, clientID, named)
	if err != nil {
		return err
	}
	what := strings.Join(named[:min(len(named), database.UseShown)], ", ")
	if more := len(named) - database.UseShown; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	if use.None() {
		return catalogue.NamedElsewhere("tools", what)
	}
	return use.InUse("tools", what)
}

// Without returns the items of list that are not in kept.
func Without(list, kept []string) []string {
	known := make(map[string]bool, len(kept))
	for _, item := range kept {
		known[item] = true
	}
	gone := []string{}
	for _, item := range list {
		if !known[item] {
			gone = append(gone, item)
		}
	}
	return gone
}

// DeleteServer removes a server that no profile and no tool group names. Refusals: NotFound, Conflict with those
// that do.
func DeleteServer(ctx context.Context, db bun.IDB, actor permission.Actor, clientID string) error {
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := loadServer(ctx, tx.NewSelect().For("UPDATE"), clientID)
		if err != nil {
			return err
		}
		use, err := catalogue.MCPServerUse(ctx, tx, clientID)
		if err != nil {
			return err
		}
		if err := use.InUse("", old.Name); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete MCP server %s: %w", clientID, err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "delete", "mcp_client", clientID, old, nil)
	})
	return catalogue.InUseOr(
		err, clientID, "tool_group_servers_in_use", "policy_mcp_servers_unknown_server",
		"policy_tool_overrides_unknown_server",
	)
}
