package web_test

import (
	"fmt"
	"strings"
	"testing"
)

// execAsOwner runs a statement as the owner of the database; DB stands for its name.
func (g gateway) execAsOwner(statements ...string) {
	g.t.Helper()
	var name string
	g.scan(&name, "SELECT current_database()")
	for _, statement := range statements {
		_, err := g.owner().Exec(strings.ReplaceAll(statement, "DB", name))
		g.must(err)
	}
}

// lockWrites locks what every write needs, until the function returned is called.
func (g gateway) lockWrites() (end func()) {
	g.t.Helper()
	tx, err := g.owner().Begin()
	g.must(err)
	_, err = tx.Exec("LOCK TABLE limit_windows, usage_changes, policies, access_profiles, user_access_profiles IN EXCLUSIVE MODE")
	g.must(err)
	return func() { g.must(tx.Rollback()) }
}

// refusing are statements that make the database refuse every write with a SQLSTATE, until the function is dropped.
func refusing(state string) []string {
	all := []string{"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '" + state + "'; END $$"}
	for _, table := range []string{"usage_events", "reservations", "access_profiles", "user_access_profiles"} {
		all = append(all, fmt.Sprintf("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION refuse()", table))
	}
	return all
}

const noMoreRefusing = "DROP FUNCTION refuse CASCADE"

// writes are requests of each kind that writes; the event is reported among others.
func (g gateway) writes(v client, one object, name string) (all []func() answer) {
	for range 3 {
		for path, body := range map[string]any{
			"/api/governance/decisions": with(model(g.key), "reserve", true, "estimated_cost", 0.001),
			"/api/usage":                one, "/api/governance/usage": object{"events": []object{event(g.key), event(g.key)}},
			"/api/access-profiles": object{"name": name}, "/api/users/" + g.bob + "/access-profiles": object{"access_profile_id": g.work},
		} {
			all = append(all, func() answer { return v.api("POST", path, body) })
		}
		all = append(all, func() answer {
			return v.api("PUT", fmt.Sprint("/api/access-profiles/", g.work), object{"description": name, "tags": []string{"a"}})
		})
	}
	return all
}

// putsOff reports whether the answer says that the database is unavailable or busy, and when to retry.
func (a answer) putsOff() bool {
	problem, _ := a.json()["error"].(object)
	return a.StatusCode == 503 && problem["code"] == "retry_later" && a.wait() >= 1
}

// I-30: during any fault of the database, a write is answered with "unavailable" or "busy" and when to retry; nothing
// is stored partially; and when the database has recovered, so has the console, without a restart.
func TestFaultsOfTheDatabase(t *testing.T) {
	g := newGateway(t)
	const again = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'DB' AND application_name = 'faulty'"
	var release func()
	for n, fault := range []struct {
		name, settings string
		begin, end     func()
		reads          bool // requests that only read still succeed
	}{
		{
			"a standby takes over (25006)", "", func() {
				g.execAsOwner("ALTER ROLE tollgate IN DATABASE DB SET default_transaction_read_only = on", again)
			},
			func() { g.execAsOwner("ALTER ROLE tollgate IN DATABASE DB RESET default_transaction_read_only", again) }, true,
		},
		{"no connection is left (53300)", "", func() { g.execAsOwner("ALTER DATABASE DB CONNECTION LIMIT 0", again) }, func() { g.execAsOwner("ALTER DATABASE DB CONNECTION LIMIT -1") }, false},
		{"the disk is full (53100)", "", func() { g.execAsOwner(refusing("53100")...) }, func() { g.execAsOwner(noMoreRefusing) }, true},
		// There are more of these requests than connections, and all of them wait.
		{"others lock what is needed (55P03)", "&lock_timeout=300ms", func() { release = g.lockWrites() }, func() { release() }, true},
		{"it takes too long (57014)", "&statement_timeout=300ms", func() { release = g.lockWrites() }, func() { release() }, true},
	} {
		c, closing := g.another(g.appURL() + "&application_name=faulty" + fault.settings)
		v := g.admin.at(c)
		v.decides(model(g.key), "allowed", 200)
		one := event(g.key, "cost", 0.001)
		all := g.writes(v, one, fmt.Sprint("Fault ", n))
		changed := g.changes(func() {
			fault.begin()
			for _, a := range concurrently(all...) {
				if !a.putsOff() {
					t.Errorf("%s: %s: %d %s, %v", fault.name, a.Request.URL.Path, a.StatusCode, a.body, a.Header)
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

// The twin of TestFaultsOfTheDatabase: an unforeseen fault is a 500, which does not ask to retry.
func TestTwinOfFaultsOfTheDatabase(t *testing.T) {
	g := newGateway(t)
	all := g.writes(g.admin, event(g.key), "Fault")
	g.execAsOwner(refusing("XX000")...)
	for _, a := range concurrently(all...) {
		if a.putsOff() || a.StatusCode != 500 {
			t.Errorf("%s: %d %s: the test finds nothing", a.Request.URL.Path, a.StatusCode, a.body)
		}
	}
}
