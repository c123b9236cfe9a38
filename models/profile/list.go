package profile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// Query selects the profiles of a list.
type Query struct {
	Limit, Offset int64 // Limit is 1 to 100
	Search        string
	Tags          []string // all must match
	IsActive      *bool
	Sort          string // one of Sorts
	Holders       bool   // are counted too
}

// Page is a part of a list.
type Page struct {
	Profiles []At
	Holders  map[int64]int64 // of each profile by its id; empty unless they were asked for
	Total    int64           // how many profiles match
}

// Sorts are the orders of a list; each also with a leading "-". The first is the default.
var Sorts = []string{"name", "created_at", "updated_at"}

var profileOrder = map[string][]string{
	"name":        {"p.name_key ASC", "p.id ASC"},
	"-name":       {"p.name_key DESC", "p.id DESC"},
	"created_at":  {"p.created_at ASC", "p.id ASC"},
	"-created_at": {"p.created_at DESC", "p.id DESC"},
	"updated_at":  {"p.updated_at ASC", "p.id ASC"},
	"-updated_at": {"p.updated_at DESC", "p.id DESC"},
}

// At names a version of a profile, which never changes. The time distinguishes it from one of a restored database.
type At struct {
	ID, Version int64
	UpdatedAt   time.Time
}

// List returns a page of profiles without their documents.
func List(ctx context.Context, db bun.IDB, q Query) (Page, error) {
	page, tally := Page{Holders: map[int64]int64{}}, int64(0)
	holders := "0"
	if q.Holders {
		holders = "(SELECT count(*) FROM user_access_profiles WHERE access_profile_id = p.id)"
	}
	rows, err := q.query(ctx, db, q.filter(db.NewSelect()).Column("p.id", "p.version", "p.updated_at").ColumnExpr(tallied).
		ColumnExpr(holders).Order(profileOrder[q.Sort]...).Limit(q.Limit).Offset(q.Offset))
	if err != nil {
		return page, fmt.Errorf("list access profiles: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p At
		var held int64
		if err := rows.Scan(&p.ID, &p.Version, &p.UpdatedAt, &tally, &held); err != nil {
			return page, fmt.Errorf("read a listed access profile: %w", err)
		}
		page.Profiles = append(page.Profiles, p)
		if q.Holders {
			page.Holders[p.ID] = held
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return page, fmt.Errorf("list access profiles: %w", err)
	}
	page.Total, err = q.total(ctx, db, int64(len(page.Profiles)), tally)
	return page, err
}

// DocumentsAt returns the API documents of the versions named; those deleted meanwhile have none.
func DocumentsAt(ctx context.Context, db bun.IDB, named []At) (map[At]json.RawMessage, error) {
	ids, versions := make([]int64, len(named)), make([]int64, len(named))
	for i, p := range named {
		ids[i], versions[i] = p.ID, p.Version
	}
	rows, err := database.QueryPlanned(ctx, db, `
SELECT n, v.snapshot FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS named(id, version, n)
JOIN access_profile_versions AS v ON v.access_profile_id = named.id AND v.version = named.version`, ids, versions)
	if err != nil {
		return nil, fmt.Errorf("load versions of access profiles: %w", err)
	}
	defer rows.Close()
	documents := make(map[At]json.RawMessage, len(named))
	for rows.Next() {
		var n int
		var document []byte
		if err := rows.Scan(&n, &document); err != nil {
			return nil, fmt.Errorf("read a version of an access profile: %w", err)
		}
		documents[named[n-1]] = document
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("load versions of access profiles: %w", err)
	}
	return documents, nil
}

// tallied is the number of all profiles, which would be slow to count.
const tallied = "(SELECT access_profiles FROM audit_head) AS tally"

// query keeps the plan of the most frequent list: the one without filters.
func (q Query) query(ctx context.Context, db bun.IDB, query *bun.SelectQuery) (*sql.Rows, error) {
	if q.Search != "" || len(q.Tags) > 0 {
		return db.QueryContext(ctx, query.String())
	}
	return database.QueryPlanned(ctx, db, query.String())
}

// total is how many profiles match; it counts only when neither the page nor the tally has the answer.
func (q Query) total(ctx context.Context, db bun.IDB, shown, tally int64) (int64, error) {
	full, past := shown == q.Limit, shown == 0 && q.Offset > 0
	if !full && !past {
		return q.Offset + shown, nil
	}
	if full && q.Search == "" && len(q.Tags) == 0 && q.IsActive == nil {
		return tally, nil
	}
	total, err := q.filter(db.NewSelect()).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count access profiles: %w", err)
	}
	return total, nil
}

func (q Query) filter(s *bun.SelectQuery) *bun.SelectQuery {
	s = s.TableExpr("access_profiles AS p")
	if q.Search != "" {
		s = s.Where("p.search_key LIKE ?", database.Contains(q.Search))
	}
	if len(q.Tags) > 0 {
		keys := make([]string, len(q.Tags))
		for i, tag := range q.Tags {
			keys[i] = input.FoldCase(tag)
		}
		s = s.Where("p.tag_keys @> ?", pgdialect.Array(keys))
	}
	if q.IsActive != nil {
		s = s.Where("p.is_active = ?", *q.IsActive)
	}
	return s
}

// Document returns the API document of a profile. Refusal: NotFound.
func Document(ctx context.Context, db bun.IDB, id int64) (json.RawMessage, error) {
	var document []byte
	err := database.ScanPlanned(ctx, db, []any{&document}, `
SELECT v.snapshot FROM access_profiles p
JOIN access_profile_versions v ON v.access_profile_id = p.id AND v.version = p.version WHERE p.id = $1`, id)
	if err != nil {
		return nil, problem.NotFoundOr(err, "access profile")
	}
	return document, nil
}

// Tags lists the tags in use, each once, in order: from each it looks up the next.
func Tags(ctx context.Context, db bun.IDB) ([]string, error) {
	tags := []string{}
	err := database.ScanPlanned(ctx, db, []any{pgdialect.Array(&tags)}, `
WITH RECURSIVE used AS (
    (SELECT tag_key, tag FROM access_profile_tags ORDER BY tag_key, access_profile_id LIMIT 1)
    UNION ALL
    SELECT next.tag_key, next.tag
    FROM used, LATERAL (SELECT t.tag_key, t.tag FROM access_profile_tags AS t WHERE t.tag_key > used.tag_key
                        ORDER BY t.tag_key, t.access_profile_id LIMIT 1) AS next)
SELECT ARRAY(SELECT tag FROM used LIMIT 50)`)
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return tags, nil
}
