package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models"
	"tollgate/views"
)

const profileRowsKept = 1000

// profileRows keeps rows of the list as they were written out last. A version never changes, so nothing is ever taken back.
type profileRows struct {
	mutex sync.Mutex
	rows  map[models.AccessProfileVersionID]views.ProfileRow
}

// of returns the rows of the versions named, in their order; it loads and writes out those that it does not have. A profile that is gone
// meanwhile has no row.
func (p *profileRows) of(ctx context.Context, db bun.IDB, named []models.AccessProfileVersionID) ([]views.ProfileRow, error) {
	known, missing := p.known(named)
	if len(missing) > 0 {
		profiles, err := models.AccessProfilesAt(ctx, db, missing)
		if err != nil {
			return nil, err
		}
		for _, profile := range profiles {
			id := models.AccessProfileVersionID{ID: profile.ID, Version: profile.Version, UpdatedAt: profile.UpdatedAt}
			known[id] = views.ProfileRowOf(profile, tagLink)
		}
		p.keep(known)
	}
	now := time.Now()
	var rows []views.ProfileRow
	for _, id := range named {
		if row, ok := known[id]; ok {
			row.Updated = views.Ago(id.UpdatedAt, now)
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (p *profileRows) known(named []models.AccessProfileVersionID) (map[models.AccessProfileVersionID]views.ProfileRow, []models.AccessProfileVersionID) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	known, missing := map[models.AccessProfileVersionID]views.ProfileRow{}, []models.AccessProfileVersionID(nil)
	for _, id := range named {
		if row, ok := p.rows[id]; ok {
			known[id] = row
		} else {
			missing = append(missing, id)
		}
	}
	return known, missing
}

// keep starts afresh when there are too many: what is looked at comes back with the next page.
func (p *profileRows) keep(rows map[models.AccessProfileVersionID]views.ProfileRow) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.rows == nil || len(p.rows)+len(rows) > profileRowsKept {
		p.rows = map[models.AccessProfileVersionID]views.ProfileRow{}
	}
	for id, row := range rows {
		p.rows[id] = row
	}
}
