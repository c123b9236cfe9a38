package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/catalogue"
	"tollgate/models/configfile"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/setting"
)

// current is a resource of the console.
type current struct {
	ID
	Name  string
	body  canonical
	owner *owned // nil when it belongs to no set

	id    int64 // of the row, for kinds that have one
	tools []string
	roles []roleAttach

	user     string   // the id of a user
	assigned []string // profiles
}

// state is all that documents can describe, as it is now.
type state struct {
	rows   map[ID]*current
	order  []ID
	system map[string]string // built-in roles, by key
	ids    map[ID]int64      // of tool groups and roles, those built in too
	names  map[ID]string     // of all that can be named
	owners map[ID]*owned     // also of resources that are gone

	managed map[ID]bool // users of directories
}

var everything = database.CatalogueQuery{Limit: math.MaxInt32}

// load reads the current documents in a fixed number of statements. Users, of whom there are many, are read when they
// are asked for or belong to a set.
func load(ctx context.Context, db bun.IDB, users bool) (*state, error) {
	s := &state{
		rows: map[ID]*current{}, system: map[string]string{}, ids: map[ID]int64{}, names: map[ID]string{},
		managed: map[ID]bool{},
	}
	var err error
	if s.owners, err = loadOwners(ctx, db); err != nil {
		return nil, err
	}
	parts := []func(context.Context, bun.IDB) error{
		s.loadProviders, s.loadServers, s.loadGroups, s.loadRoles, s.loadProfiles, s.loadSettings,
	}
	if users || s.ownsUsers() {
		parts = append(parts, s.loadUsers)
	}
	for _, part := range parts {
		if err := part(ctx, db); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(s.order, compareIDs)
	return s, nil
}

func (s *state) ownsUsers() bool {
	for id := range s.owners {
		if id.Kind == User {
			return true
		}
	}
	return false
}

// compareIDs orders resources by kind, then by name.
func compareIDs(a, b ID) int {
	if a.Kind != b.Kind {
		return slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind)
	}
	return strings.Compare(a.Key, b.Key)
}

func (s *state) add(c *current, resource any) error {
	encoded, err := canonicalOf(c.Kind, s.protects(c.ID), resource)
	c.body = encoded
	s.put(c)
	return err
}

func (s *state) protects(id ID) bool {
	owner := s.owners[id]
	return owner != nil && owner.protected()
}

func (s *state) put(c *current) {
	c.owner = s.owners[c.ID]
	s.rows[c.ID], s.order = c, append(s.order, c.ID)
	s.names[c.ID] = c.Name
}

func (s *state) loadProviders(ctx context.Context, db bun.IDB) error {
	rows, _, err := catalogue.ListProviders(ctx, db, everything)
	if err != nil {
		return err
	}
	for _, p := range rows {
		if err := s.add(&current{ID: ID{Provider, p.Name}, Name: p.Name}, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) loadServers(ctx context.Context, db bun.IDB) error {
	rows, _, err := mcptool.ListServers(ctx, db, everything)
	if err != nil {
		return err
	}
	for _, server := range rows {
		c := &current{ID: ID{MCPClient, server.ClientID}, Name: server.ClientID, tools: server.Tools}
		if err := s.add(c, server); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) loadGroups(ctx context.Context, db bun.IDB) error {
	rows, _, err := mcptool.ListToolGroups(ctx, db, everything)
	if err != nil {
		return err
	}
	for _, g := range rows {
		c := &current{ID: named(ToolGroup, g.Name), Name: g.Name, id: g.ID}
		if err := s.add(c, g); err != nil {
			return err
		}
		s.ids[c.ID] = g.ID
	}
	return nil
}

func (s *state) loadRoles(ctx context.Context, db bun.IDB) error {
	rows, err := identity.RoleChoices(ctx, db)
	if err != nil {
		return err
	}
	for _, r := range rows {
		c := &current{ID: named(Role, r.Name), Name: r.Name, id: r.ID}
		s.ids[c.ID] = r.ID
		if r.IsSystemRole {
			s.system[c.Key], s.names[c.ID] = r.Name, r.Name
			continue
		}
		if err := s.add(c, roleAnswer{r, r.Permissions}); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) loadSettings(ctx context.Context, db bun.IDB) error {
	address, err := setting.GatewayAddress(ctx, db)
	if err != nil {
		return err
	}
	c := &current{ID: ID{Settings, Settings}, Name: Settings}
	return s.add(c, map[string]string{"gateway_address": address})
}

// loadProfiles reads profiles from the snapshots of their versions, as they are stored.
func (s *state) loadProfiles(ctx context.Context, db bun.IDB) error {
	var rows []struct {
		ID             int64
		Name, Snapshot string
	}
	if err := db.NewRaw(`
SELECT p.id, p.name, v.snapshot FROM access_profiles AS p
JOIN access_profile_versions AS v ON v.access_profile_id = p.id AND v.version = p.version`).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("load the profiles: %w", err)
	}
	attached, err := loadAttached(ctx, db)
	if err != nil {
		return err
	}
	groups := map[int64]string{}
	for id, row := range s.ids {
		if id.Kind == ToolGroup {
			groups[row] = s.names[id]
		}
	}
	for _, row := range rows {
		c := &current{ID: named(AccessProfile, row.Name), Name: row.Name, id: row.ID, roles: attached[row.ID]}
		file := configfile.Parse("snapshot.json", []byte(row.Snapshot))
		if len(file.Documents) != 1 || len(file.Problems) > 0 {
			return fmt.Errorf("read the snapshot of access profile %d: %v", row.ID, file.Problems)
		}
		document := file.Documents[0]
		byName(&document, "mcp_tool_groups", func(item *configfile.Node) string {
			id, _ := item.Get("tool_group_id")
			return groups[parseID(id.Text)]
		})
		byName(&document, "mcp_servers", func(item *configfile.Node) string {
			id, _ := item.Get("mcp_server_id")
			return id.Text
		})
		document.Members = append(document.Members, member("roles", attachedNode(c.roles)))
		c.body = canonicalNode(AccessProfile, s.protects(c.ID), document)
		s.put(c)
	}
	return nil
}

// byName makes texts of a list of objects.
func byName(document *configfile.Node, list string, name func(*configfile.Node) string) {
	for i := range document.Members {
		if document.Members[i].Name != list {
			continue
		}
		items := document.Members[i].Node.Items
		for n := range items {
			items[n] = textNode(name(&items[n]))
		}
	}
}

func attachedNode(roles []roleAttach) configfile.Node {
	list := configfile.Node{Kind: input.Array}
	for _, role := range roles {
		item := configfile.Node{Kind: input.Object, Members: []configfile.Member{member("role", textNode(role.Role))}}
		if role.IsDefault {
			item.Members = append(item.Members, member("is_default", configfile.Node{Kind: input.Bool, Text: "true"}))
		}
		list.Items = append(list.Items, item)
	}
	return list
}

// loadAttached reads which roles hand out which profile, by name.
func loadAttached(ctx context.Context, db bun.IDB) (map[int64][]roleAttach, error) {
	var rows []struct {
		AccessProfileID int64
		Name            string
		IsDefault       bool
	}
	if err := db.NewRaw(`
SELECT a.access_profile_id, r.name, a.is_default FROM role_access_profiles AS a JOIN roles AS r ON r.id = a.role_id
`).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("load the roles at profiles: %w", err)
	}
	attached := map[int64][]roleAttach{}
	for _, row := range rows {
		attached[row.AccessProfileID] = append(attached[row.AccessProfileID], roleAttach{row.Name, row.IsDefault})
	}
	for _, roles := range attached {
		sortRoles(roles)
	}
	return attached, nil
}

// fingerprint covers all current documents.
func (s *state) fingerprint() string {
	sum := sha256.New()
	for _, id := range s.order {
		fmt.Fprintln(sum, s.rows[id].body.text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// owned are the resources of sets, in order, those too that are gone.
func (s *state) owned() []ID {
	return slices.SortedFunc(maps.Keys(s.owners), compareIDs)
}
