package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// spooling is a console that keeps usage in a folder while its database is away.
type spooling struct {
	dir, folder string
	environment []string
	load        *serviceLoad
	console     *instance
	ids         []string // that were acknowledged
}

func newSpooling(t *testing.T) *spooling {
	t.Helper()
	s := &spooling{dir: migratedFolder(t), folder: t.TempDir()}
	s.environment = append(inFolder(s.dir), "TOLLGATE_SPOOL="+s.folder)
	key := strings.TrimSpace(must(t, s.environment, "", "api-key", "create", "--name", "load"))
	s.console = start(t, s.environment)
	s.load = newServiceLoad(t, s.console, key)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.console.log)
		}
	})
	s.report(t, http.StatusOK, 1)
	s.console.get(t, s.console.address+"/metrics", key) // remembered while the database is away
	return s
}

// freeze stops the database: it accepts connections and answers nothing until thaw.
func (s *spooling) freeze(t *testing.T) (thaw func()) {
	t.Helper()
	pids := serverProcesses(t, s.dir)
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	thaw = func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
	t.Cleanup(thaw)
	return thaw
}

// report reports events at once, and expects an answer.
func (s *spooling) report(t *testing.T, status, n int) (answer map[string]any) {
	t.Helper()
	events, ids := make([]string, n), make([]string, n)
	for i := range events {
		ids[i] = uuid.NewString()
		events[i] = s.load.call(fmt.Sprintf(`, "event_id": %q, "cost": 0.001, "tokens": 10`, ids[i]))
	}
	body := `{"events": [` + strings.Join(events, ",") + `]}`
	if status == http.StatusOK { // what a busy machine puts onto the disk is a duplicate later
		eventually(t, "usage is not put onto the disk", func() bool {
			got, _ := s.console.ask(t, "POST", s.console.address+"/api/usage", s.load.key, body)
			return got == http.StatusOK
		})
	}
	answer = s.console.demand(t, status, "POST", "/api/usage", s.load.key, body)
	s.ids = append(s.ids, ids...)
	return answer
}

// Usage that is reported while the database is away is answered with 202, and counted exactly once when it is back: also
// when the console is killed with a line half written, and killed again when it has stored a part of the spool.
func TestSpooledUsageIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := newSpooling(t)
	db := privateDatabase(t, s.dir)
	held := uuid.NewString()
	for _, statement := range []string{
		"CREATE TABLE gate AS SELECT true AS closed", "GRANT SELECT ON gate TO PUBLIC",
		`CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN WHILE (SELECT closed FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN NEW; END $$`,
		fmt.Sprintf("CREATE TRIGGER pass BEFORE INSERT ON weekly_events FOR EACH ROW WHEN (NEW.event_id = '%s') EXECUTE FUNCTION pass()", held),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	thaw := s.freeze(t)
	if answer := s.report(t, http.StatusAccepted, 3); answer["spooled"] != 3.0 || answer["counted"] != 0.0 {
		t.Errorf("a batch is answered with %v", answer)
	}
	eventually(t, "balancers let usage through", func() bool {
		status, said := s.console.readiness(t)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, said)
		}
		return said == "ready from memory: the database is away"
	})
	one := s.load.call(fmt.Sprintf(`, "event_id": %q, "cost": 0.001, "tokens": 10`, uuid.NewString()))
	for range 2 { // as a gateway repeats it
		if answer := s.console.demand(t, http.StatusAccepted, "POST", "/api/usage", s.load.key, one); answer["status"] != "spooled" {
			t.Errorf("an event is answered with %v", answer)
		}
	}
	if _, metrics := s.console.get(t, s.console.address+"/metrics", s.load.key); !strings.Contains(string(metrics), `tollgate_usage_queue{in="spool"} 5`) {
		t.Errorf("the metrics are %s", metrics)
	}
	s.console.demand(t, http.StatusBadRequest, "POST", "/api/usage", s.load.key, s.load.call(`, "cost": 1`))
	s.report(t, http.StatusAccepted, 596)
	blocked := s.load.call(fmt.Sprintf(`, "event_id": %q, "cost": 0.001, "tokens": 10`, held))
	s.console.demand(t, http.StatusAccepted, "POST", "/api/usage", s.load.key, blocked)
	s.ids = append(s.ids, held)

	kill := func() {
		if err := s.console.process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-s.console.ended
	}
	kill()
	thaw()
	journal, err := os.OpenFile(filepath.Join(s.folder, "open.journal"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.WriteString(`0badc0de {"event_id":"to`); err != nil || journal.Close() != nil {
		t.Fatal(err)
	}

	s.console = start(t, s.environment)
	db = privateDatabase(t, s.dir)
	eventually(t, "the first part is stored, and the second under way", func() bool {
		return number(t, db, "SELECT count(*) FROM counted_events") == 500 &&
			number(t, db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1
	})
	kill()
	eventually(t, "the database has ended", func() bool { return len(serverProcesses(t, s.dir)) == 0 })

	s.console = start(t, s.environment)
	db = privateDatabase(t, s.dir)
	if _, err := db.Exec("UPDATE gate SET closed = false"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all of the spool is stored", func() bool { return missing(t, db, s.ids) == 0 })
	if n := number(t, db, "SELECT count(*) FROM counted_events"); n != int64(len(s.ids))+1 {
		t.Errorf("%d events are stored, %d were reported", n, len(s.ids)+1)
	}
	if n := number(t, db, "SELECT coalesce(sum(used), 0) FROM limit_windows WHERE kind = 'spend'"); n != int64(len(s.ids)+1)*1_000_000 {
		t.Errorf("%d nano-dollars are counted", n)
	}
	must(t, s.environment, "", "ledger", "verify")
	eventually(t, "the spool is empty", func() bool {
		left, err := filepath.Glob(filepath.Join(s.folder, "*.journal"))
		return err == nil && len(left) == 0
	})
	s.report(t, http.StatusOK, 1)
}

// A line that was damaged on the disk is told, and its file is kept; the other lines are counted.
func TestDamagedLinesOfTheSpoolAreKept(t *testing.T) {
	t.Parallel()
	s := newSpooling(t)
	thaw := s.freeze(t)
	s.report(t, http.StatusAccepted, 2)
	journal, err := os.OpenFile(filepath.Join(s.folder, "open.journal"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.WriteAt([]byte{0}, 20); err != nil || journal.Close() != nil {
		t.Fatal(err)
	}
	thaw()
	eventually(t, "the file is kept", func() bool {
		kept, err := filepath.Glob(filepath.Join(s.folder, "*.journal.damaged"))
		return err == nil && len(kept) == 1 && strings.Contains(s.console.log.complaints(), kept[0]+" lines=1")
	})
	if !strings.Contains(s.console.log.complaints(), "level=ERROR msg=\"lines of the spool are damaged") {
		t.Errorf("the log has no error: %s", s.console.log.complaints())
	}
	db := privateDatabase(t, s.dir)
	if lost := missing(t, db, s.ids[1:2]); lost != 1 {
		t.Error("the damaged event is counted")
	}
	if n := number(t, db, "SELECT count(*) FROM counted_events"); n != 2 {
		t.Errorf("%d events are counted beside the damaged one", n)
	}
	if _, metrics := s.console.get(t, s.console.address+"/metrics", s.load.key); !strings.Contains(string(metrics), `tollgate_usage_queue{in="spool"} 0`) {
		t.Errorf("the metrics are %s", metrics)
	}
	s.report(t, http.StatusOK, 1)
}

// An estimate and its exact event that wait in one spool count as the exact one, a model that was sent without a
// provider keeps its name, and an event of an unknown key is told.
func TestSpoolKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	s := newSpooling(t)
	s.console.demand(t, http.StatusCreated, "POST", "/api/providers", s.load.key, `{"name": "together", "models": ["meta-llama/Llama-3"],
"prices": [{"model": "meta-llama/Llama-3", "input_cost_per_million_tokens": 100000, "output_cost_per_million_tokens": 0}]}`)
	s.console.demand(t, http.StatusOK, "PUT", s.load.profile, s.load.key,
		`{"provider_configs": [{"provider_name": "openai", "all_models_allowed": true}, {"provider_name": "together", "all_models_allowed": true}]}`)
	s.console.demand(t, http.StatusOK, "POST", s.load.profile+"/propagate", s.load.key, `{"fields": ["provider_configs"]}`)
	s.report(t, http.StatusOK, 1)
	s.console.get(t, s.console.address+"/metrics", s.load.key) // remembered while the database is away
	estimate, bare := uuid.NewString(), uuid.NewString()
	thaw := s.freeze(t)
	for _, event := range []string{
		s.load.call(fmt.Sprintf(`, "event_id": %q, "cost": 3, "tokens": 500, "estimated": true`, estimate)),
		s.load.call(fmt.Sprintf(`, "event_id": %q, "cost": 1, "tokens": 20`, estimate)),
		fmt.Sprintf(`{"user_id": %q, "model": "meta-llama/Llama-3", "event_id": %q, "input_tokens": 30}`, s.load.user, bare),
		fmt.Sprintf(`{"virtual_key": "sk-bf-unknown", "provider": "openai", "model": "gpt-4o", "event_id": %q, "cost": 1}`, uuid.NewString()),
	} {
		s.console.demand(t, http.StatusAccepted, "POST", "/api/usage", s.load.key, event)
	}
	thaw()
	db := privateDatabase(t, s.dir)
	eventually(t, "the spool is stored", func() bool { return missing(t, db, []string{estimate, bare}) == 0 })
	eventually(t, "the exact event counts", func() bool {
		return number(t, db, "SELECT count(*) FROM counted_events WHERE event_id = '"+estimate+"' AND cost = 1000000000 AND tokens = 20 AND NOT estimated") == 1
	})
	if n := number(t, db, "SELECT count(*) FROM counted_events WHERE provider = 'together' AND model = 'meta-llama/Llama-3' AND cost = 3000000000"); n != 1 {
		t.Error("a model that was sent without a provider is not that of the provider that lists it")
	}
	eventually(t, "the metrics have the event of an unknown key", func() bool {
		_, metrics := s.console.get(t, s.console.address+"/metrics", s.load.key)
		return strings.Contains(string(metrics), `tollgate_usage_events_total{status="quarantined"} 1`)
	})
	must(t, s.environment, "", "ledger", "verify")
}

// The spool keeps no value of a key, and charges what was used by one to its user, who was deleted meanwhile.
func TestSpooledUsageOfADeletedUserCounts(t *testing.T) {
	t.Parallel()
	s := newSpooling(t)
	made := s.console.demand(t, http.StatusOK, "POST", "/api/users/"+s.load.user+"/virtual-keys", s.load.key, `{"name": "used"}`)
	event := fmt.Sprintf(`{"virtual_key": %q, "provider": "openai", "model": "gpt-4o", "event_id": %q, "cost": 40}`,
		made["virtual_key"].(map[string]any)["value"], uuid.NewString())
	thaw := s.freeze(t)
	s.console.demand(t, http.StatusAccepted, "POST", "/api/usage", s.load.key, event)
	s.console.signal(t, syscall.SIGKILL)
	thaw()
	c := start(t, inFolder(s.dir))
	c.demand(t, http.StatusOK, "DELETE", "/api/users/"+s.load.user, s.load.key, "")
	c.signal(t, syscall.SIGTERM)
	start(t, s.environment)
	db := privateDatabase(t, s.dir)
	eventually(t, "the spool is stored", func() bool {
		return number(t, db, "SELECT (SELECT count(*) FROM counted_events) + (SELECT count(*) FROM usage_quarantine)") == 2
	})
	if n := number(t, db, "SELECT count(*) FROM counted_events WHERE cost = 40000000000 AND user_id = '"+s.load.user+"'"); n != 1 {
		t.Error("usage of a deleted user's key is not theirs")
	}
}

// What the disk does not take is not acknowledged, and a folder belongs to one console. Without the setting nothing is
// kept.
func TestSpoolThatIsFull(t *testing.T) {
	t.Parallel()
	s := newSpooling(t)
	if r := do(t, append(inFolder(dataFolder(t)), "TOLLGATE_SPOOL="+s.folder), ""); r.code != exitConfig || !strings.Contains(r.stderr, "another process uses the spool") {
		t.Errorf("a second console: code %d, %s", r.code, r.stderr)
	}
	limit := func(bytes uint64) { // of each file that the console writes
		if err := unix.Prlimit(s.console.process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	limit(100)
	thaw := s.freeze(t)
	body := s.load.call(fmt.Sprintf(`, "event_id": %q`, uuid.NewString()))
	answer := s.console.demand(t, http.StatusServiceUnavailable, "POST", "/api/usage", s.load.key, body)
	if said, _ := json.Marshal(answer["error"]); !strings.Contains(string(said), "retry_later") || !strings.Contains(string(said), "cannot keep events") {
		t.Errorf("a full disk: %s", said)
	}
	limit(unix.RLIM_INFINITY)
	s.console.demand(t, http.StatusAccepted, "POST", "/api/usage", s.load.key, body)
	thaw()
	db := privateDatabase(t, s.dir)
	eventually(t, "it is stored", func() bool { return number(t, db, "SELECT count(*) FROM counted_events") == 2 })
}

// A server that is stopped answers nothing on connections old and new: calls of a profile that says so are allowed from
// memory meanwhile, and counted calls go on when it runs again.
func TestStoppedServerIsBridgedFromMemory(t *testing.T) {
	t.Parallel()
	s := newSpooling(t)
	s.console.demand(t, http.StatusOK, "PUT", s.load.profile, s.load.key, `{"fail_open_for": 60}`)
	s.console.demand(t, http.StatusOK, "POST", s.load.profile+"/propagate", s.load.key, `{"fields": ["provider_configs"]}`)
	eventually(t, "the copy has it", func() bool {
		answer := fmt.Sprint(s.console.demand(t, http.StatusOK, "GET", "/api/users/"+s.load.user+"/access-profiles", s.load.key, ""))
		return strings.Contains(answer, "fail_open_for:60")
	})
	decide := func() string {
		_, answer := s.load.ask(s.console, "POST", "/api/decisions", s.load.call(""))
		return answer
	}
	eventually(t, "a call is allowed", func() bool { return strings.Contains(decide(), `"decision":true`) })
	thaw := s.freeze(t)
	eventually(t, "a call is allowed from memory", func() bool { return strings.Contains(decide(), `"grace":true`) })
	thaw()
	eventually(t, "a call is allowed by the database", func() bool {
		answer := decide()
		return strings.Contains(answer, `"decision":true`) && !strings.Contains(answer, `"grace":true`)
	})
	s.report(t, http.StatusOK, 1)
}
