package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// RoleAttachment attaches a profile to a role; a default one is assigned to every user who gains the role.
type RoleAttachment struct {
	bun.BaseModel `bun:"table:role_access_profiles,alias:a" json:"-"`

	ID              int64     `json:"id" bun:",pk,autoincrement"`
	AccessProfileID int64     `json:"access_profile_id"`
	RoleID          int64     `json:"role_id"`
	RoleName        string    `json:"role_name" bun:",scanonly"`
	IsDefault       bool      `json:"is_default"`
	CreatedAt       time.Time `json:"-"`

	ProfileName   string `json:"-" bun:",scanonly"`
	ProfileActive bool   `json:"-" bun:",scanonly"`
	Members       int64  `json:"-" bun:",scanonly"` // of the role
	Holders       int64  `json:"-" bun:",scanonly"` // members who hold the profile because of it

	ProfileVersion int64     `json:"-" bun:",scanonly"`
	ProfileUpdated time.Time `json:"-" bun:",scanonly"`
}

// At names the current version of the profile.
func (a RoleAttachment) At() At { return At{a.AccessProfileID, a.ProfileVersion, a.ProfileUpdated} }

func selectAttachments(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("a.*").ColumnExpr("r.name AS role_name").ColumnExpr("p.name AS profile_name").
		ColumnExpr("p.is_active AS profile_active, p.version AS profile_version, p.updated_at AS profile_updated").
		ColumnExpr("(SELECT count(*) FROM users AS u WHERE u.role_id = a.role_id) AS members").
		ColumnExpr(`(SELECT count(*) FROM user_access_profiles AS c JOIN users AS u ON u.id = c.user_id
WHERE c.access_profile_id = a.access_profile_id AND c.from_role AND u.role_id = a.role_id) AS holders`).
		Join("JOIN roles AS r ON r.id = a.role_id").Join("JOIN access_profiles AS p ON p.id = a.access_profile_id")
}

// Roles lists the roles that a profile is attached to, by name.
func Roles(ctx context.Context, db bun.IDB, profileID int64) ([]RoleAttachment, error) {
	return attachments(ctx, db, "a.access_profile_id = ?", profileID)
}

// RoleProfiles lists the profiles that are attached to a role, by name.
func RoleProfiles(ctx context.Context, db bun.IDB, roleID int64) ([]RoleAttachment, error) {
	return attachments(ctx, db, "a.role_id = ?", roleID)
}

func attachments(ctx context.Context, db bun.IDB, where string, id int64) ([]RoleAttachment, error) {
	rows := []RoleAttachment{}
	if err := selectAttachments(db.NewSelect().Model(&rows)).Where(where, id).Order("r.name_key", "p.name_key").
		Scan(ctx); err != nil {
		return nil, fmt.Errorf("list role attachments: %w", err)
	}
	return rows, nil
}

// MembersWithout counts the members of each role who have no copy of a profile.
func MembersWithout(ctx context.Context, db bun.IDB, profileID int64) (map[int64]int64, error) {
	var rows []struct{ RoleID, N int64 }
	err := db.NewRaw(`SELECT role_id, count(*) AS n FROM users AS u
WHERE NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.user_id = u.id AND c.access_profile_id = ?)
    GROUP BY role_id`, profileID).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count members without access profile %d: %w", profileID, err)
	}
	without := make(map[int64]int64, len(rows))
	for _, row := range rows {
		without[row.RoleID] = row.N
	}
	return without, nil
}
