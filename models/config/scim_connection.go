package config

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models/configdoc"
	"tollgate/models/connection"
	"tollgate/models/provision"
)

func (s *state) loadDirectories(ctx context.Context, db bun.IDB) error {
	rows, err := connection.All(ctx, db)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c := &current{ID: configdoc.IDOf(configdoc.SCIMConnection, row.Name), Name: row.Name, id: row.ID}
		if err := s.add(c, configdoc.DirectoryAnswer{Connection: row}); err != nil {
			return err
		}
		s.ids[c.ID] = row.ID
	}
	return nil
}

func (s *saver) directory(ctx context.Context, w configdoc.Wanted, old *current) error {
	in := w.Document.(*configdoc.DirectoryDocument).Input()
	in.DefaultRoleID = s.roleID(w.Resource.(configdoc.DirectoryAnswer).DefaultRole)
	if old == nil {
		c, err := connection.Create(ctx, s.tx, s.actor, in)
		s.connections[w.Key] = c.ID
		return err
	}
	s.connections[w.Key] = old.id
	_, err := provision.UpdateConnection(ctx, s.tx, s.actor, old.id, in)
	return err
}
