package web_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/models/pgserver"
	"tollgate/models/replica"
	"tollgate/web/webtest"
)

// asOf tells that the replica has answered.
const asOf = "X-Data-As-Of"

// replicated is a console with a replica, and an admin who is signed in.
func (b backup) replicated(t *testing.T, primary, standby *pgserver.Server) (*webtest.Console, webtest.Client) {
	t.Helper()
	return b.replicatedBy(t, primary, standby.URL("tollgate"))
}

func (b backup) replicatedBy(t *testing.T, primary *pgserver.Server, standby string) (*webtest.Console, webtest.Client) {
	t.Helper()
	c, _ := b.serving(t).Another(primary.URL("tollgate"))
	c.H.Replica = replica.New(webtest.Connect(t, standby+"&target_session_attrs=any"), c.DB, slog.New(slog.NewJSONHandler(c.Log, nil)))
	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() { c.H.Replica.Run(working); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return c, c.Login(webtest.Admin)
}

// ask waits for an answer to a read that a replica gives, or the primary.
func ask(v webtest.Client, path string, byReplica bool) (a webtest.Answer) {
	v.T.Helper()
	v.Eventually(fmt.Sprintf("%s by the replica: %v", path, byReplica), func() bool {
		a = v.Get(path).Is(200)
		return (a.Header.Get(asOf) != "") == byReplica
	})
	return a
}

// The replica answers reports, lists of the audit log and versions, says as of when, and answers nothing else.
func TestReplicaAnswersReports(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary := b.restore(t)
	c, session := b.replicated(t, primary, b.standbyOf(t, primary))
	admin, page := b.bearerOf(c, b.secret), strings.TrimPrefix(b.profile, "/api")
	for path, v := range map[string]webtest.Client{
		"/usage": session, "/usage/export": session, "/audit": session, "/audit/export": session, "/audit/export?format=jsonl": session,
		page + "/versions": session, page + "/versions/1": session, page + "/versions/compare?from=1&to=1": session,
		page + "/audit": session, page + "/audit/export": session,
		"/api/usage": admin, "/api/usage/export?format=focus": admin, "/api/access-profiles/audit-logs": admin,
		b.profile + "/versions": admin, b.profile + "/versions/1": admin, b.profile + "/audit-logs": admin,
	} {
		a := ask(v, path, true)
		at, err := time.Parse(time.RFC3339Nano, a.Header.Get(asOf))
		if now := c.Clock(); err != nil || now.Sub(at) > 10*time.Second || at.After(now) {
			t.Errorf("%s: as of %s at %s: %v", path, at, now, err)
		}
		if isPage := v.Header.Get("Cookie") != "" && !strings.Contains(path, "/export"); isPage != strings.Contains(string(a.Body), "read from the replica") {
			t.Errorf("%s: the page is %s", path, a.Body)
		}
	}
	for path, v := range map[string]webtest.Client{
		page: session, page + "/edit": session, "/users": session, "/settings": session, "/refusals": session, "/access-profiles": session,
		b.profile: admin, "/api/users": admin,
	} {
		ask(v, path, false)
	}
	c.Probed(200, "ready")
}

// A replica that has stopped to replay still answers for ten seconds, but not those who have written meanwhile: a
// session, which keeps the number of its change, and clients of the API, which keep none. After that the primary answers
// everything, until the replica has caught up.
func TestReplicaShowsOwnWrites(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary := b.restore(t)
	standby := b.standbyOf(t, primary)
	c, session := b.replicated(t, primary, standby)
	other, admin := c.Login(webtest.Admin), b.bearerOf(c, b.secret)
	replay := webtest.Connect(t, standby.URL("tollgate_owner")+"&target_session_attrs=any")
	versions := strings.TrimPrefix(b.profile, "/api") + "/versions"
	for _, v := range []webtest.Client{session, other} {
		ask(v, versions, true)
	}
	ask(admin, b.profile+"/versions", true)

	paused := time.Now()
	_, err := replay.Exec("SELECT pg_wal_replay_pause()")
	c.Must(err)
	written := session.Post(strings.TrimPrefix(b.profile, "/api")+"/deactivate", url.Values{}).Is(303)
	cookie, _ := written.Cookie("written")
	if cookie.Value == "" || !cookie.HttpOnly {
		t.Fatalf("the cookie is %v", cookie)
	}
	session = session.With("Cookie", session.Header.Get("Cookie")+"; "+webtest.CookieOf(written, "written"))
	has := func(a webtest.Answer) bool { return strings.Contains(string(a.Body), `href="versions/2"`) }
	if a := session.Get(versions).Is(200); a.Header.Get(asOf) != "" || !has(a) {
		t.Errorf("who has written gets, as of %q, %s", a.Header.Get(asOf), a.Body)
	}
	if a := admin.Get(b.profile + "/versions").Is(200); a.Header.Get(asOf) != "" || a.JSON()["total_count"] != float64(2) {
		t.Errorf("a client of the API gets, as of %q, %s", a.Header.Get(asOf), a.Body)
	}
	gaveUp := func() bool { return strings.Contains(c.Log.String(), "the replica does not answer") } // a busy machine
	if a := other.Get(versions).Is(200); time.Since(paused) < 6*time.Second && (a.Header.Get(asOf) == "" || has(a)) && !gaveUp() {
		t.Errorf("others get, as of %q, %s", a.Header.Get(asOf), a.Body)
	}

	if a := ask(other, versions, false); !has(a) {
		t.Errorf("the primary answers %s", a.Body)
	}
	if after := time.Since(paused); after < 6*time.Second && !gaveUp() {
		t.Errorf("the replica was given up after %s", after)
	}

	_, err = replay.Exec("SELECT pg_wal_replay_resume()")
	c.Must(err)
	for _, v := range []webtest.Client{session, other} {
		if a := ask(v, versions, true); !has(a) {
			t.Errorf("the replica answers %s", a.Body)
		}
	}
}

// A replica that is lost while it is read is no error: the primary answers the same request.
func TestReplicaThatIsLostMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary := b.restore(t)
	standby := b.standbyOf(t, primary)
	w := webtest.NewWire(t, func() (net.Conn, error) { return dialPostgres(standby) }, nil)
	var lost atomic.Bool
	w.Cut = func(sent []byte) bool {
		return bytes.Contains(sent, []byte("FROM \"audit_logs\"")) && lost.CompareAndSwap(true, false)
	}
	c, session := b.replicatedBy(t, primary, overWire(t, standby, w))
	ask(session, "/audit", true)
	for _, path := range []string{"/audit", "/audit/export"} {
		c.Eventually("the replica is lost while it is read", func() bool {
			lost.Store(true)
			a := session.Get(path).Is(200)
			was := !lost.Load() // otherwise it was not asked: it had been slow before
			if was && a.Header.Get(asOf) != "" {
				t.Errorf("%s: as of %q, %.300s", path, a.Header.Get(asOf), a.Body)
			}
			c.Eventually("the replica is asked again", func() bool { return session.Get("/usage").Is(200).Header.Get(asOf) != "" })
			return was
		})
	}
}

// A replica that dies is no error for anyone; one that hears of nothing is never used.
func TestReplicaThatIsAway(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary := b.restore(t)
	standby := b.standbyOf(t, primary)
	c, session := b.replicated(t, primary, standby)
	ask(session, "/usage", true)
	var read atomic.Int64
	failed := make(chan string, 1)
	working, stop := context.WithCancel(t.Context())
	go func() {
		defer close(failed)
		for working.Err() == nil {
			if a := session.Get("/audit"); a.StatusCode != 200 {
				failed <- fmt.Sprintf("%d %s", a.StatusCode, a.Body)
				return
			}
			read.Add(1)
		}
	}()
	c.Eventually("reads beside", func() bool { return read.Load() > 3 })
	c.Must(standby.Stop(t.Context()))
	ask(session, "/audit", false)
	before := read.Load()
	c.Eventually("reads without the replica", func() bool { return read.Load() > before+3 })
	stop()
	for said := range failed {
		t.Error(said)
	}

	deaf, other := b.replicated(t, primary, b.standby(t))
	deaf.Eventually("the primary was asked where it is", func() bool {
		return deaf.Count("pg_stat_activity WHERE query LIKE '%pg_current_wal_lsn%' AND pid <> pg_backend_pid()") > 0
	})
	for range 5 {
		if a := other.Get("/usage").Is(200); a.Header.Get(asOf) != "" {
			t.Errorf("a standby that hears of nothing answers as of %s", a.Header.Get(asOf))
		}
	}
}
