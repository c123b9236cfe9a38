package dbtest

import (
	"context"
	"maps"
	"testing"

	"tollgate/models/pgserver"
)

// quick makes a server fast that need not survive a power cut.
var quick = map[string]string{"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "min_wal_size": "32MB"}

// StartServer serves a data folder until the test ends, for tests that copy, stop or follow a server. Settings are
// those of PostgreSQL.
func StartServer(t testing.TB, dir string, settings map[string]string) *pgserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all := map[string]string{"shared_buffers": "16MB"}
	maps.Copy(all, quick)
	maps.Copy(all, settings)
	server, err := pgserver.Start(ctx, pgserver.Config{Dir: dir, Settings: all})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.WithoutCancel(t.Context())) })
	return server
}
