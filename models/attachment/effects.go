package attachment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/identity"
	"tollgate/models/input"
)

// RoleEffects is what a change of a user's role would do to their copies.
type RoleEffects struct {
	RoleID int64
	Role   string
	Gains  []string // names of the profiles they would get a copy of
	Loses  []string // names of the profiles whose copies they would lose with their usage
	Keys   int64    // keys that would be deleted, because no copy would be left
}

// None reports that their copies would stay the same.
func (e RoleEffects) None() bool { return len(e.Gains)+len(e.Loses) == 0 }

// PreviewRole returns what another role would do to the copies of a user. For a role that does not exist it is empty.
func PreviewRole(ctx context.Context, db bun.IDB, userID string, in identity.RoleChoice) (RoleEffects, error) {
	e := RoleEffects{RoleID: identity.ReadRole((&input.Reader{}), "", in.RoleID)}
	var rows []struct {
		Kind, Name string
		N          int64
	}
	err := db.NewRaw(`
SELECT 'role' AS kind, name, 0 AS n FROM roles WHERE id = ?1
UNION ALL
SELECT 'gains', p.name, 0 FROM role_access_profiles AS a JOIN access_profiles AS p ON p.id = a.access_profile_id
WHERE a.role_id = ?1 AND a.is_default AND p.is_active
  AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.user_id = ?0 AND c.access_profile_id = p.id)
UNION ALL
SELECT 'loses', p.name, 0 FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.user_id = ?0 AND c.from_role AND NOT c.direct
  AND c.access_profile_id NOT IN (SELECT access_profile_id FROM role_access_profiles WHERE role_id = ?1)
UNION ALL
SELECT 'held', '', count(*) FROM user_access_profiles WHERE user_id = ?0
UNION ALL
SELECT 'keys', '', count(*) FROM virtual_keys WHERE user_id = ?0
ORDER BY kind, name`, userID, e.RoleID).Scan(ctx, &rows)
	if err != nil {
		return e, fmt.Errorf("look up what another role would change: %w", err)
	}
	var held, keys int64
	for _, row := range rows {
		switch row.Kind {
		case "role":
			e.Role = row.Name
		case "gains":
			e.Gains = append(e.Gains, row.Name)
		case "loses":
			e.Loses = append(e.Loses, row.Name)
		case "held":
			held = row.N
		case "keys":
			keys = row.N
		}
	}
	if e.Role == "" {
		return RoleEffects{}, nil
	}
	if held > 0 && held == int64(len(e.Loses)) && len(e.Gains) == 0 {
		e.Keys = keys
	}
	return e, nil
}
