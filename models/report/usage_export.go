package report

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// Day is what one user used of one model, or of one tool, on one day.
type Day struct {
	Day             time.Time
	UserID, User    string
	ProfileID       int64
	Profile         string
	Provider, Model string
	Sum
}

// toolProvider stands for the provider of tools in the rollup; their model is server/tool.
const toolProvider = "mcp"

// IsTool reports whether a tool was called, not a model.
func (d Day) IsTool() bool { return d.Provider == toolProvider }

// Server is the MCP server of a tool.
func (d Day) Server() string {
	server, _, _ := strings.Cut(d.Model, "/")
	return server
}

// EachRow calls use for every row of a report, in one snapshot; a report by day includes the days without usage.
// Refusal: as of LoadReport.
func EachRow(ctx context.Context, db bun.IDB, q Query, use func(Row) error) error {
	if q.GroupBy != "day" {
		if err := q.checkZone(ctx, db); err != nil {
			return err
		}
		return q.tooMuch(database.EachOf(ctx, db, q.rows(db), use))
	}
	report, err := LoadReport(ctx, db, q)
	if err != nil {
		return err
	}
	for _, row := range report.Rows {
		if err := use(row); err != nil {
			return err
		}
	}
	return nil
}

// EachDay calls use for every row of the rollup that matches, in the order of its key and in one snapshot. Refusal: as
// of LoadReport.
func EachDay(ctx context.Context, db bun.IDB, q Query, use func(Day) error) error {
	if err := q.checkZone(ctx, db); err != nil {
		return err
	}
	lines := q.filter(db.NewSelect(), fromDays).Column("d.day", "d.user_id", "d.access_profile_id", "d.provider", "d.model",
		"d.requests", "d.unpriced").
		ColumnExpr("least(d.cost, 9e18)::bigint AS cost").ColumnExpr("least(d.tokens, 9e15)::bigint AS tokens")
	if q.Zone != nil {
		lines = q.filter(db.NewSelect(), fromDays).Column("d.day", "d.user_id", "d.access_profile_id", "d.provider", "d.model").
			ColumnExpr(usageSums).
			GroupExpr("1, 2, 3, 4, 5").Having(isUsed)
	}
	rows := db.NewSelect().TableExpr("(?) AS d", lines).
		Column("d.day", "d.user_id", "d.provider", "d.model", "d.cost", "d.tokens", "d.requests", "d.unpriced").
		ColumnExpr("d.access_profile_id AS profile_id").
		ColumnExpr("coalesce(u.name, former_user.name, '') AS \"user\"").
		ColumnExpr("coalesce(p.name, former_profile.name, '') AS profile").
		Order("d.day", "d.user_id", "d.access_profile_id", "d.provider", "d.model")
	rows = joinProfileNames(joinUserNames(rows, "d.user_id"), "d.access_profile_id")
	return q.tooMuch(database.EachOf(ctx, db, rows, use))
}
