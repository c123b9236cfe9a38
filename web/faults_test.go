package web_test

import (
	"fmt"
	"strings"
	"testing"
)

// tell has the owner of the database say something; DB stands for its name.
func (g gateway) tell(statements ...string) {
	g.t.Helper()
	var name string
	g.scan(&name, "SELECT current_database()")
	for _, statement := range statements {
		_, err := g.owner().Exec(strings.ReplaceAll(statement, "DB", name))
		g.must(err)
	}
}

// hold keeps what everybody writes to, until the function returned is called.
func (g gateway) hold() (end func()) {
	g.t.Helper()
	tx, err := g.owner().Begin()
	g.must(err)
	_, err = tx.Exec("LOCK TABLE limit_windows, usage_changes, policies, access_profiles, user_access_profiles IN EXCLUSIVE MODE")
	g.must(err)
	return func() { g.must(tx.Rollback()) }
}

// I-30: whatever is wrong with the database, who writes hears that it is away or busy and when to come back; nothing is stored by halves;
// and when it is well again, so is the console, without a restart.
func TestFaultsOfTheDatabase(t *testing.T) {
	g := newGateway(t)
	const again = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'DB' AND application_name = 'faulty'"
	full := []string{"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$"}
	for _, table := range []string{"usage_events", "reservations", "access_profiles", "user_access_profiles"} {
		full = append(full, fmt.Sprintf("CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION full_disk()", table))
	}
	var release func()
	for n, fault := range []struct {
		name, settings string
		begin, end     func()
		reads          bool // what only reads is answered all the same
	}{
		{
			"a standby takes over (25006)", "", func() { g.tell("ALTER ROLE tollgate IN DATABASE DB SET default_transaction_read_only = on", again) },
			func() { g.tell("ALTER ROLE tollgate IN DATABASE DB RESET default_transaction_read_only", again) }, true,
		},
		{"no connection is left (53300)", "", func() { g.tell("ALTER DATABASE DB CONNECTION LIMIT 0", again) }, func() { g.tell("ALTER DATABASE DB CONNECTION LIMIT -1") }, false},
		{"the disk is full (53100)", "", func() { g.tell(full...) }, func() { g.tell("DROP FUNCTION full_disk CASCADE") }, true},
		// Of these there are more requests than connections, all of which wait.
		{"others hold what is needed (55P03)", "&lock_timeout=300ms", func() { release = g.hold() }, func() { release() }, true},
		{"it takes too long (57014)", "&statement_timeout=300ms", func() { release = g.hold() }, func() { release() }, true},
	} {
		c, closing := g.another(g.appURL() + "&application_name=faulty" + fault.settings)
		v := g.admin.at(c)
		v.decides(model(g.key), "allowed", 200)
		one := event(g.key, "cost", 0.001)
		var all []func() answer
		for range 3 {
			for path, body := range map[string]any{
				"/api/governance/decisions": with(model(g.key), "reserve", true, "estimated_cost", 0.001),
				"/api/usage":                one, "/api/governance/usage": object{"events": []object{event(g.key), event(g.key)}},
				"/api/access-profiles": object{"name": fmt.Sprint("Fault ", n)}, "/api/users/" + g.bob + "/access-profiles": object{"access_profile_id": g.work},
			} {
				all = append(all, func() answer { return v.api("POST", path, body) })
			}
			all = append(all, func() answer {
				return v.api("PUT", fmt.Sprint("/api/access-profiles/", g.work), object{"description": fault.name, "tags": []string{"a"}})
			})
		}
		changed := g.changes(func() {
			fault.begin()
			for _, a := range together(all...) {
				if a.refuses(503, "retry_later", ""); a.wait() < 1 {
					t.Errorf("%s: %s does not say when to come back: %v", fault.name, a.Request.URL.Path, a.Header)
				}
			}
			if fault.reads {
				v.get("/api/access-profiles").is(200)
				v.get("/api/usage").is(200)
			}
			fault.end()
		})
		if len(changed) > 0 {
			t.Errorf("%s: rows changed in %v", fault.name, changed)
		}
		c.eventually("a report when it is over", func() bool { return v.report(one).StatusCode == 200 })
		v.api("PUT", fmt.Sprint("/api/access-profiles/", g.work), object{"description": fault.name}).is(200)
		v.decides(with(model(g.key), "reserve", true, "estimated_cost", 0.001), "allowed", 200)
		closing()
		g.balanced()
	}
	same(t, "events", g.count("usage_events"), 5)
}
