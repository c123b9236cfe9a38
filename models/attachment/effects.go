package attachment

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/identity"
	"tollgate/models/input"
)

// RoleEffects is what a change of a user's role would do to their copies.
type RoleEffects struct {
	RoleID  int64
	Role    string
	Gains   []string // names of the profiles they would get a copy of
	Loses   []string // names of the profiles whose copies they would lose with their usage
	Ends    []string // names of the profiles whose copies would end as they were assigned: they are direct too
	Endless []string // names of the profiles whose copies would no longer end: they are direct, until an end
	Keys    int64    // keys that would be deleted, because no copy would be left
}

// None reports that their copies would stay the same.
func (e RoleEffects) None() bool { return len(e.Gains)+len(e.Loses)+len(e.Ends)+len(e.Endless) == 0 }

// PreviewRole returns what another role would do to the copies of a user. For a role that does not exist it is empty,
// and it names nothing for the role that they have.
func PreviewRole(ctx context.Context, db bun.IDB, userID string, in identity.RoleChoice) (RoleEffects, error) {
	e := RoleEffects{RoleID: identity.ReadRole((&input.Reader{}), "", in.RoleID)}
	all, err := PreviewRoleOf(ctx, db, []string{userID}, e.RoleID)
	if err != nil || all.Role == "" {
		return RoleEffects{}, err
	}
	e.Role, e.Keys = all.Role, all.Keys
	e.Gains, e.Loses = slices.Sorted(maps.Keys(all.Gains)), slices.Sorted(maps.Keys(all.Loses))
	e.Ends, e.Endless = slices.Sorted(maps.Keys(all.Ends)), slices.Sorted(maps.Keys(all.Endless))
	return e, nil
}

// ManyEffects is what a change of the role of many users would do to their copies.
type ManyEffects struct {
	Role                 string         // "" for one that does not exist
	Gains                map[string]int // how many users, by the name of the profile, like those that follow
	Loses, Ends, Endless map[string]int
	Keys                 int64 // keys that would be deleted, because no copy would be left to their users
}

// PreviewRoleOf returns what another role would do to the copies of users. Those who have it already keep theirs.
func PreviewRoleOf(ctx context.Context, db bun.IDB, userIDs []string, roleID int64) (ManyEffects, error) {
	e := ManyEffects{
		Gains: map[string]int{}, Loses: map[string]int{}, Ends: map[string]int{}, Endless: map[string]int{},
	}
	var rows []struct {
		Kind, Name string
		N          int64
	}
	err := db.NewRaw(`
WITH moved AS (SELECT id FROM users WHERE id = ANY (?0) AND role_id <> ?1), gains AS (
    SELECT moved.id, p.name
    FROM moved, role_access_profiles AS a JOIN access_profiles AS p ON p.id = a.access_profile_id
    WHERE a.role_id = ?1 AND a.is_default AND p.is_active
      AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.user_id = moved.id AND c.access_profile_id = p.id)
), held AS (
    SELECT c.user_id AS id, p.name, left_behind AND NOT c.direct AS lost, left_behind AND `+hasEnd+` AS ends,
        NOT c.from_role AND c.expires_at IS NOT NULL AND p.is_active AND c.access_profile_id IN
            (SELECT access_profile_id FROM role_access_profiles WHERE role_id = ?1 AND is_default) AS endless
    FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
    CROSS JOIN LATERAL (SELECT c.from_role AND c.access_profile_id NOT IN
        (SELECT access_profile_id FROM role_access_profiles WHERE role_id = ?1) AS left_behind) AS role
    WHERE c.user_id IN (SELECT id FROM moved)
)
SELECT 'role' AS kind, name, 0 AS n FROM roles WHERE id = ?1
UNION ALL
SELECT 'gains', name, count(*) FROM gains GROUP BY name
UNION ALL
SELECT 'loses', name, count(*) FROM held WHERE lost GROUP BY name
UNION ALL
SELECT 'ends', name, count(*) FROM held WHERE ends GROUP BY name
UNION ALL
SELECT 'endless', name, count(*) FROM held WHERE endless GROUP BY name
UNION ALL
SELECT 'keys', '', count(*) FROM virtual_keys WHERE user_id IN
    (SELECT id FROM held GROUP BY id HAVING bool_and(lost) EXCEPT SELECT id FROM gains)`,
		pgdialect.Array(userIDs), roleID).Scan(ctx, &rows)
	if err != nil {
		return e, fmt.Errorf("look up what another role would change: %w", err)
	}
	for _, row := range rows {
		switch row.Kind {
		case "role":
			e.Role = row.Name
		case "gains":
			e.Gains[row.Name] = int(row.N)
		case "loses":
			e.Loses[row.Name] = int(row.N)
		case "ends":
			e.Ends[row.Name] = int(row.N)
		case "endless":
			e.Endless[row.Name] = int(row.N)
		case "keys":
			e.Keys = row.N
		}
	}
	return e, nil
}
