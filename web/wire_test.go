package web_test

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// try sends like api, and returns a broken connection as an error instead of failing the test.
func (v client) try(path string, body any) (a answer, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("%v", broken)
		}
	}()
	v.console = &console{t: panicking{v.t}, base: v.base}
	return v.api("POST", path, body), nil
}

// panicking turns a failure of the transport into a panic, from which try recovers.
type panicking struct{ testing.TB }

func (panicking) Helper()           {}
func (panicking) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// wire is a TCP proxy that can break: it stands in front of a database or a console.
type wire struct {
	net.Listener
	dial func() (net.Conn, error)
	// lose reports whether a reply is to be lost, with its connection.
	lose func(reply []byte) bool
	// cut reports whether what is sent is to be lost, with its connection; nil: nothing.
	cut  func(sent []byte) bool
	down atomic.Bool // open connections are cut, and new ones refused
	mute atomic.Bool // no replies are forwarded

	mutex sync.Mutex
	open  map[net.Conn]bool
	lost  atomic.Int64
}

func newWire(t testing.TB, dial func() (net.Conn, error), lose func([]byte) bool) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, dial: dial, lose: lose, open: map[net.Conn]bool{}}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(client)
		}
	}()
	t.Cleanup(func() { listener.Close(); w.cutAll() })
	return w
}

func (w *wire) carry(client net.Conn) {
	defer client.Close()
	server, err := w.dial()
	if err != nil {
		return
	}
	defer server.Close()
	w.mutex.Lock()
	w.open[client], w.open[server] = true, true
	w.mutex.Unlock()
	if w.down.Load() {
		return
	}
	go func() {
		defer client.Close()
		defer server.Close()
		sent := make([]byte, 64<<10)
		for {
			n, err := client.Read(sent)
			if w.cut != nil && n > 0 && w.cut(sent[:n]) {
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
		if w.lose != nil && w.lose(buffer[:n]) {
			w.lost.Add(1)
			return
		}
		if !w.mute.Load() {
			if _, failed := client.Write(buffer[:n]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) cutAll() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for conn := range w.open {
		conn.Close()
	}
	clear(w.open)
}

// breaks disconnects what is behind the wire, until restore.
func (w *wire) breaks()  { w.down.Store(true); w.cutAll() }
func (w *wire) restore() { w.down.Store(false); w.mute.Store(false); w.cutAll() }

// databaseWire stands in front of the console's database; its URL is for consoles.
func (c *console) databaseWire(lose func([]byte) bool) (w *wire, address string) {
	c.t.Helper()
	parsed, err := url.Parse(c.appURL())
	c.must(err)
	query := parsed.Query()
	socket := query.Get("host") + "/.s.PGSQL." + query.Get("port")
	w = newWire(c.t, func() (net.Conn, error) { return net.Dial("unix", socket) }, lose)
	host, port, err := net.SplitHostPort(w.Addr().String())
	c.must(err)
	query.Set("host", host)
	query.Set("port", port)
	parsed.RawQuery = query.Encode()
	return w, parsed.String()
}

// consoleWire stands in front of a console; the console returned has only its address.
func (c *console) consoleWire(lose func([]byte) bool) (*wire, *console) {
	c.t.Helper()
	w := newWire(c.t, func() (net.Conn, error) { return net.Dial("tcp", strings.TrimPrefix(c.base, "http://")) }, lose)
	behind := *c
	behind.base = "http://" + w.Addr().String()
	return w, &behind
}
