package webtest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ExecAsOwner runs a statement as the owner of the database; DB stands for its name.
func (g Gateway) ExecAsOwner(statements ...string) {
	g.T.Helper()
	var name string
	g.Scan(&name, "SELECT current_database()")
	for _, statement := range statements {
		_, err := g.Owner().Exec(strings.ReplaceAll(statement, "DB", name))
		g.Must(err)
	}
}

// LockWrites locks what every write needs, until the function returned is called.
func (g Gateway) LockWrites() (end func()) {
	g.T.Helper()
	tx, err := g.Owner().Begin()
	g.Must(err)
	_, err = tx.Exec("LOCK TABLE limit_windows, usage_changes, policies, access_profiles, user_access_profiles IN EXCLUSIVE MODE")
	g.Must(err)
	return func() { g.Must(tx.Rollback()) }
}

// Writes are requests of each kind that writes; the event is reported among others.
func (g Gateway) Writes(v Client, one Object, name string) (all []func() Answer) {
	for range 3 {
		for path, body := range map[string]any{
			"/api/governance/decisions": With(Model(g.Key), "reserve", true, "estimated_cost", 0.001),
			"/api/usage":                one, "/api/governance/usage": Object{"events": []Object{Event(g.Key), Event(g.Key)}},
			"/api/access-profiles": Object{"name": name}, "/api/users/" + g.Bob + "/access-profiles": Object{"access_profile_id": g.Work},
		} {
			all = append(all, func() Answer { return v.API("POST", path, body) })
		}
		all = append(all, func() Answer {
			return v.API("PUT", fmt.Sprint("/api/access-profiles/", g.Work), Object{"description": name, "tags": []string{"a"}})
		})
	}
	return all
}

// PutsOff reports whether the answer says that the database is unavailable or busy, and when to retry.
func (a Answer) PutsOff() bool {
	if a.StatusCode != 503 || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		return false
	}
	problem, _ := a.JSON()["error"].(Object)
	return problem["code"] == "retry_later" && a.Wait() >= 1
}

// Refuse makes the database refuse every change of the budgets of a user's copy; forgive ends that.
func (c Crowd) Refuse(user string) {
	c.T.Helper()
	var policy int64
	c.Scan(&policy, "SELECT policy_id FROM user_access_profiles WHERE user_id = ?", user)
	for _, statement := range []string{
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nothing of the inside'; END $$",
		fmt.Sprintf("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON limit_lines FOR EACH ROW WHEN (NEW.policy_id = %d) EXECUTE FUNCTION refuse()", policy),
	} {
		_, err := c.Owner().Exec(statement)
		c.Must(err)
	}
}

// Forgive ends every throttle of sign-ins.
func (c Crowd) Forgive() {
	c.T.Helper()
	_, err := c.Owner().Exec("DROP FUNCTION refuse CASCADE")
	c.Must(err)
}

// ReplyLost has one request meet a COMMIT whose reply is lost between the console and its database.
type ReplyLost struct {
	*Wire
	Armed atomic.Bool
	*Console
}

// ReplyLost is a console whose database loses replies after it has committed.
func (g Gateway) ReplyLost() *ReplyLost {
	g.T.Helper()
	committed := []byte("C\x00\x00\x00\x0bCOMMIT\x00")
	r := &ReplyLost{}
	w, address := g.DatabaseWire(func(reply []byte) bool {
		return bytes.Contains(reply, committed) && r.Armed.CompareAndSwap(true, false)
	})
	r.Wire = w
	r.Console, _ = g.Another(address)
	scraper := g.APIKey("Usage:View").At(r.Console)
	g.Eventually("the books are kept, with a COMMIT of their own", func() bool { return scraper.Metrics()["tollgate_ledger_checked_timestamp_seconds"] > 0 })
	g.Must(r.Console.H.Cache.Preload(g.T.Context())) // commits too
	return r
}

// ActorOf is the gateway's admin as the audit log names it.
func ActorOf(g Gateway) (name string) {
	g.Scan(&name, "SELECT actor FROM audit_logs ORDER BY id DESC LIMIT 1")
	return name
}

// Cutting is a connection to the database that breaks at a message. The function returned runs something with a break
// at the nth message from then on, and reports whether that message was reached.
func (g Gateway) Cutting() (address string, at func(n int64, do func()) bool) {
	var sent, last atomic.Int64
	w, address := g.DatabaseWire(nil)
	w.Cut = func([]byte) bool { return last.Load() > 0 && sent.Add(1) == last.Load() }
	return address, func(n int64, do func()) bool {
		sent.Store(0)
		last.Store(n)
		do()
		last.Store(0)
		return sent.Load() >= n
	}
}

// Try sends like api, and returns a broken connection as an error instead of failing the test.
func (v Client) Try(path string, body any) (a Answer, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("%v", broken)
		}
	}()
	v.Console = &Console{T: Panicking{v.T}, Base: v.Base, Wired: true}
	return v.API("POST", path, body), nil
}

// Panicking turns a failure of the transport into a panic, from which try recovers.
type Panicking struct{ testing.TB }

// Helper implements testing.TB.
func (Panicking) Helper() {}

// Fatal panics, so that a goroutine ends.
func (Panicking) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Wire is a TCP proxy that can break: it stands in front of a database or a console.
type Wire struct {
	net.Listener
	Dial func() (net.Conn, error)
	// lose reports whether a reply is to be lost, with its connection.
	Lose func(reply []byte) bool
	// cut reports whether what is sent is to be lost, with its connection; nil: nothing.
	Cut  func(sent []byte) bool
	Down atomic.Bool // open connections are cut, and new ones refused
	Mute atomic.Bool // no replies are forwarded

	Mutex sync.Mutex
	Open  map[net.Conn]bool
	Lost  atomic.Int64
}

// NewWire carries connections to what dial reaches; lose picks the messages that are lost.
func NewWire(t testing.TB, dial func() (net.Conn, error), lose func([]byte) bool) *Wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{Listener: listener, Dial: dial, Lose: lose, Open: map[net.Conn]bool{}}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.Carry(client)
		}
	}()
	t.Cleanup(func() { listener.Close(); w.CutAll() })
	return w
}

// Carry copies one connection both ways until it is cut.
func (w *Wire) Carry(client net.Conn) {
	defer client.Close()
	server, err := w.Dial()
	if err != nil {
		return
	}
	defer server.Close()
	w.Mutex.Lock()
	w.Open[client], w.Open[server] = true, true
	w.Mutex.Unlock()
	if w.Down.Load() {
		return
	}
	go func() {
		defer client.Close()
		defer server.Close()
		sent := make([]byte, 64<<10)
		for {
			n, err := client.Read(sent)
			if w.Cut != nil && n > 0 && w.Cut(sent[:n]) {
				return
			}
			if _, failed := server.Write(sent[:n]); err != nil || failed != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if w.Lose != nil && w.Lose(buffer[:n]) {
			w.Lost.Add(1)
			return
		}
		if !w.Mute.Load() {
			if _, failed := client.Write(buffer[:n]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// CutAll cuts every connection.
func (w *Wire) CutAll() {
	w.Mutex.Lock()
	defer w.Mutex.Unlock()
	for conn := range w.Open {
		conn.Close()
	}
	clear(w.Open)
}

// Breaks disconnects what is behind the wire, until restore.
func (w *Wire) Breaks() { w.Down.Store(true); w.CutAll() }

// Restore lets new connections through, and cuts those before.
func (w *Wire) Restore() { w.Down.Store(false); w.Mute.Store(false); w.CutAll() }

// DatabaseWire stands in front of the console's database; its URL is for consoles.
func (c *Console) DatabaseWire(lose func([]byte) bool) (w *Wire, address string) {
	c.T.Helper()
	parsed, err := url.Parse(c.AppURL())
	c.Must(err)
	query := parsed.Query()
	socket := query.Get("host") + "/.s.PGSQL." + query.Get("port")
	w, c.Wired = NewWire(c.T, func() (net.Conn, error) { return net.Dial("unix", socket) }, lose), true
	host, port, err := net.SplitHostPort(w.Addr().String())
	c.Must(err)
	query.Set("host", host)
	query.Set("port", port)
	parsed.RawQuery = query.Encode()
	return w, parsed.String()
}

// ConsoleWire stands in front of a console; the console returned has only its address.
func (c *Console) ConsoleWire(lose func([]byte) bool) (*Wire, *Console) {
	c.T.Helper()
	w := NewWire(c.T, func() (net.Conn, error) { return net.Dial("tcp", strings.TrimPrefix(c.Base, "http://")) }, lose)
	behind := *c
	behind.Base = "http://" + w.Addr().String()
	return w, &behind
}
