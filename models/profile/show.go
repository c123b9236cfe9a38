package profile

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// Shown names the current version of a profile, with what is told beside its document.
type Shown struct {
	At
	Roles   []RoleAttachment // without the counts, by the role's name
	Holders int64
}

// Show reads what is told of profiles but their documents, in one statement. Those that do not exist are left out.
func Show(ctx context.Context, db bun.IDB, ids []int64) (map[int64]Shown, error) {
	rows, err := database.QueryPlanned(ctx, db, `
SELECT p.id, p.version, p.updated_at,
    (SELECT count(*) FROM user_access_profiles AS c WHERE c.access_profile_id = p.id),
    (SELECT json_agg(json_build_object('id', a.id, 'access_profile_id', a.access_profile_id, 'role_id', a.role_id,
        'role_name', r.name, 'is_default', a.is_default) ORDER BY r.name_key)
    FROM role_access_profiles AS a JOIN roles AS r ON r.id = a.role_id WHERE a.access_profile_id = p.id)
FROM access_profiles AS p WHERE p.id = ANY ($1::bigint[])`, ids)
	if err != nil {
		return nil, fmt.Errorf("look up access profiles: %w", err)
	}
	defer rows.Close()
	all := make(map[int64]Shown, len(ids))
	for rows.Next() {
		shown := Shown{Roles: []RoleAttachment{}}
		var roles []byte
		if err := rows.Scan(&shown.ID, &shown.Version, &shown.UpdatedAt, &shown.Holders, &roles); err != nil {
			return nil, fmt.Errorf("look up access profiles: %w", err)
		}
		if roles != nil {
			if err := database.ReadDocument(roles, &shown.Roles); err != nil {
				return nil, fmt.Errorf("read the roles of access profile %d: %w", shown.ID, err)
			}
		}
		all[shown.ID] = shown
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
