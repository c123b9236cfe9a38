package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/configset"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/mcptool"
	"tollgate/models/setting"
)

// current is a resource of the console.
type current struct {
	configdoc.ID
	Name  string
	body  configdoc.Canonical
	owner *configset.Owned // nil when it belongs to no set

	id    int64 // of the row, for kinds that have one
	tools []string
	roles []configdoc.AttachedRole

	user string // the id of a user
}

// state is all that documents can describe, as it is now.
type state struct {
	rows   map[configdoc.ID]*current
	order  []configdoc.ID
	system map[string]string                 // built-in roles, by key
	ids    map[configdoc.ID]int64            // of tool groups, roles, those built in too, and connections
	names  map[configdoc.ID]string           // of all that can be named
	owners map[configdoc.ID]*configset.Owned // also of resources that are gone

	managed map[configdoc.ID]bool // users of directories
}

var everything = database.CatalogueQuery{Limit: math.MaxInt32}

// load reads the current documents in a fixed number of statements. Users, of whom there are many, are read when they
// are asked for or belong to a set.
func load(ctx context.Context, db bun.IDB, users bool) (*state, error) {
	s := &state{
		rows: map[configdoc.ID]*current{}, system: map[string]string{}, ids: map[configdoc.ID]int64{},
		names: map[configdoc.ID]string{}, managed: map[configdoc.ID]bool{},
	}
	var err error
	if s.owners, err = configset.Load(ctx, db); err != nil {
		return nil, err
	}
	parts := []func(context.Context, bun.IDB) error{
		s.loadProviders, s.loadServers, s.loadGroups, s.loadRoles, s.loadProfiles, s.loadDirectories, s.loadSignIn,
		s.loadSettings,
	}
	if users || s.ownsUsers() {
		parts = append(parts, s.loadUsers)
	}
	for _, part := range parts {
		if err := part(ctx, db); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(s.order, configdoc.CompareIDs)
	return s, nil
}

func (s *state) ownsUsers() bool {
	for id := range s.owners {
		if id.Kind == configdoc.User {
			return true
		}
	}
	return false
}

func (s *state) add(c *current, resource any) error {
	encoded, err := configdoc.CanonicalOf(c.Kind, s.protects(c.ID), resource)
	c.body = encoded
	s.put(c)
	return err
}

func (s *state) protects(id configdoc.ID) bool {
	owner := s.owners[id]
	return owner != nil && owner.Protected()
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
		if err := s.add(&current{ID: configdoc.IDOf(configdoc.Provider, p.Name), Name: p.Name}, p); err != nil {
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
		c := &current{ID: configdoc.IDOf(configdoc.MCPClient, server.ClientID), Name: server.ClientID, tools: server.Tools}
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
		c := &current{ID: configdoc.IDOf(configdoc.ToolGroup, g.Name), Name: g.Name, id: g.ID}
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
		c := &current{ID: configdoc.IDOf(configdoc.Role, r.Name), Name: r.Name, id: r.ID}
		s.ids[c.ID] = r.ID
		if r.IsSystemRole {
			s.system[c.Key], s.names[c.ID] = r.Name, r.Name
			continue
		}
		if err := s.add(c, configdoc.RoleAnswer{Role: r, PermissionIDs: r.Permissions}); err != nil {
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
	c := &current{ID: configdoc.IDOf(configdoc.Settings, configdoc.Settings), Name: configdoc.Settings}
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
JOIN access_profile_versions AS v ON v.access_profile_id = p.id AND v.version = p.version`).
		Scan(ctx, &rows); err != nil {
		return fmt.Errorf("load the profiles: %w", err)
	}
	attached, err := loadAttached(ctx, db)
	if err != nil {
		return err
	}
	groups := s.namesByID(configdoc.ToolGroup)
	for _, row := range rows {
		id := configdoc.IDOf(configdoc.AccessProfile, row.Name)
		c := &current{ID: id, Name: row.Name, id: row.ID, roles: attached[row.ID]}
		snapshot := configdoc.Snapshot{JSON: row.Snapshot, Roles: c.roles, Protected: s.protects(c.ID)}
		if c.body, err = snapshot.Canonical(groups); err != nil {
			return fmt.Errorf("access profile %d: %w", row.ID, err)
		}
		s.put(c)
	}
	return nil
}

// namesByID are the names of a kind.
func (s *state) namesByID(kind string) map[int64]string {
	names := map[int64]string{}
	for id, row := range s.ids {
		if id.Kind == kind {
			names[row] = s.names[id]
		}
	}
	return names
}

// loadAttached reads which roles hand out which profile, by name.
func loadAttached(ctx context.Context, db bun.IDB) (map[int64][]configdoc.AttachedRole, error) {
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
	attached := map[int64][]configdoc.AttachedRole{}
	for _, row := range rows {
		role := configdoc.AttachedRole{Role: row.Name, IsDefault: row.IsDefault}
		attached[row.AccessProfileID] = append(attached[row.AccessProfileID], role)
	}
	for _, roles := range attached {
		configdoc.SortRoles(roles)
	}
	return attached, nil
}

// fingerprint covers all current documents.
func (s *state) fingerprint() string {
	sum := sha256.New()
	for _, id := range s.order {
		fmt.Fprintln(sum, s.rows[id].body.Text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// owned are the resources of sets, in order, those too that are gone.
func (s *state) owned() []configdoc.ID {
	return slices.SortedFunc(maps.Keys(s.owners), configdoc.CompareIDs)
}
