package profile

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/problem"
)

// Shown names the current version of a profile, with what is told beside its document.
type Shown struct {
	At
	Roles   []RoleAttachment // without the counts, by the role's name
	Holders int64
}

// Show reads what is told of a profile but its document, in one statement. Refusal: NotFound.
func Show(ctx context.Context, db bun.IDB, id int64) (Shown, error) {
	shown := Shown{At: At{ID: id}, Roles: []RoleAttachment{}}
	var roles []byte
	err := database.ScanPlanned(ctx, db, []any{&shown.Version, &shown.UpdatedAt, &shown.Holders, &roles}, `
SELECT p.version, p.updated_at, (SELECT count(*) FROM user_access_profiles AS c WHERE c.access_profile_id = p.id),
    (SELECT json_agg(json_build_object('id', a.id, 'access_profile_id', a.access_profile_id, 'role_id', a.role_id,
        'role_name', r.name, 'is_default', a.is_default) ORDER BY r.name_key)
    FROM role_access_profiles AS a JOIN roles AS r ON r.id = a.role_id WHERE a.access_profile_id = p.id)
FROM access_profiles AS p WHERE p.id = $1`, id)
	if err != nil {
		return shown, problem.NotFoundOr(err, "access profile")
	}
	if roles == nil {
		return shown, nil
	}
	if err := database.ReadDocument(roles, &shown.Roles); err != nil {
		return shown, fmt.Errorf("read the roles of access profile %d: %w", id, err)
	}
	return shown, nil
}
