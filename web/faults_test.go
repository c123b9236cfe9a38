package web_test

import (
	"fmt"
	"testing"

	"tollgate/web/webtest"
)

// refusing are statements that make the database refuse every write with a SQLSTATE, until the function is dropped.
func refusing(state string) []string {
	all := []string{"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '" + state + "'; END $$"}
	for _, table := range []string{"weekly_events", "reservations", "access_profiles", "user_access_profiles"} {
		all = append(all, fmt.Sprintf("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION refuse()", table))
	}
	return all
}

// later renames tables as if a later release had dropped them; sooner gives them back.
func later(tables ...string) (all []string) {
	for _, table := range tables {
		all = append(all, "ALTER TABLE "+table+" RENAME TO later_"+table)
	}
	return all
}

func sooner(tables ...string) (all []string) {
	for _, table := range tables {
		all = append(all, "ALTER TABLE later_"+table+" RENAME TO "+table)
	}
	return all
}

const noMoreRefusing = "DROP FUNCTION refuse CASCADE"

// I-30: during any fault of the database, a write is answered with "unavailable" or "busy" and when to retry; nothing
// is stored partially; and when the database has recovered, so has the console, without a restart.
func TestFaultsOfTheDatabase(t *testing.T) {
	g := webtest.NewGateway(t)
	const again = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'DB' AND application_name = 'faulty'"
	var release func()
	for n, fault := range []struct {
		name, settings string
		begin, end     func()
		reads          bool // requests that only read still succeed
	}{
		{
			"a standby takes over (25006)", "", func() {
				g.ExecAsOwner("ALTER ROLE tollgate IN DATABASE DB SET default_transaction_read_only = on", again)
			},
			func() { g.ExecAsOwner("ALTER ROLE tollgate IN DATABASE DB RESET default_transaction_read_only", again) }, true,
		},
		{"no connection is left (53300)", "", func() { g.ExecAsOwner("ALTER DATABASE DB CONNECTION LIMIT 0", again) }, func() { g.ExecAsOwner("ALTER DATABASE DB CONNECTION LIMIT -1") }, false},
		{"the disk is full (53100)", "", func() { g.ExecAsOwner(refusing("53100")...) }, func() { g.ExecAsOwner(noMoreRefusing) }, true},
		{"a later release dropped a table (42P01)", "", func() { g.ExecAsOwner(later("weekly_events", "reservations", "access_profiles")...) }, func() { g.ExecAsOwner(sooner("weekly_events", "reservations", "access_profiles")...) }, false},
		{"a later release dropped a column (42703)", "", func() { g.ExecAsOwner(refusing("42703")...) }, func() { g.ExecAsOwner(noMoreRefusing) }, true},
		{"a later release dropped a function (42883)", "", func() { g.ExecAsOwner(refusing("42883")...) }, func() { g.ExecAsOwner(noMoreRefusing) }, true},
		// There are more of these requests than connections, and all of them wait.
		{"others lock what is needed (55P03)", "&lock_timeout=300ms", func() { release = g.LockWrites() }, func() { release() }, true},
		{"it takes too long (57014)", "&statement_timeout=1s", func() { release = g.LockWrites() }, func() { release() }, true},
	} {
		c, closing := g.Another(g.AppURL() + "&application_name=faulty" + fault.settings)
		v := g.Admin.At(c)
		v.Decides(webtest.Model(g.Key), "allowed", 200)
		one := webtest.Event(g.Key, "cost", 0.001)
		all := g.Writes(v, one, fmt.Sprint("Fault ", n))
		changed := g.Changes(func() {
			fault.begin()
			for _, a := range webtest.Concurrently(all...) {
				if !a.PutsOff() {
					t.Errorf("%s: %s: %d %s, %v", fault.name, a.Request.URL.Path, a.StatusCode, a.Body, a.Header)
				}
			}
			if fault.reads {
				v.Get("/api/access-profiles").Is(200)
				v.Get("/api/usage").Is(200)
			}
			fault.end()
		})
		if len(changed) > 0 {
			t.Errorf("%s: rows changed in %v", fault.name, changed)
		}
		c.Eventually("a report when it is over", func() bool { return v.Report(one).StatusCode == 200 })
		v.API("PUT", fmt.Sprint("/api/access-profiles/", g.Work), webtest.Object{"description": fault.name}).Is(200)
		v.Decides(webtest.With(webtest.Model(g.Key), "reserve", true, "estimated_cost", 0.001), "allowed", 200)
		closing()
		g.Balanced()
	}
	webtest.Same(t, "events", g.Count("counted_events"), 8)
}

// The twin of TestFaultsOfTheDatabase: an unforeseen fault is a 500, which does not ask to retry.
func TestTwinOfFaultsOfTheDatabase(t *testing.T) {
	g := webtest.NewGateway(t)
	all := g.Writes(g.Admin, webtest.Event(g.Key), "Fault")
	g.ExecAsOwner(refusing("XX000")...)
	for _, a := range webtest.Concurrently(all...) {
		if a.PutsOff() || a.StatusCode != 500 {
			t.Errorf("%s: %d %s: the test finds nothing", a.Request.URL.Path, a.StatusCode, a.Body)
		}
	}
}

// A migration that changes the type of a column ends the prepared statements that read it: a request meets that once at
// most on each connection, and is asked to retry.
func TestMigrationUnderPreparedStatements(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, kind := range []string{"varchar(200)", "text"} {
		g.Admin.Get("/api/access-profiles").Is(200)
		g.ExecAsOwner("ALTER TABLE api_keys ALTER name TYPE " + kind)
		g.Eventually("every connection has noticed", func() bool {
			a := g.Admin.Get("/api/access-profiles")
			if a.StatusCode != 200 && !a.PutsOff() {
				t.Fatalf("%d %s", a.StatusCode, a.Body)
			}
			return a.StatusCode == 200
		})
	}
}
