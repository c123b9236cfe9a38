package dbtest

import (
	"slices"
	"sync"
	"testing"
)

// Prepared is a database that the first test which needs it fills, and that each test gets a copy of.
type Prepared struct {
	// Fill fills a fresh database. All that it opens is closed by its cleanups, which run before the first copy.
	Fill func(t testing.TB, app, owner string)

	once sync.Once
	name string
}

// URLs are the addresses of one copy for the serving role and for the owner of its tables.
func (p *Prepared) URLs(t testing.TB) (app, owner string) {
	t.Helper()
	server := started(t)
	p.once.Do(func() {
		name := server.create(t, server.template)
		filling := &part{TB: t}
		defer filling.end()
		p.Fill(filling, server.url(appRole, name), server.url(ownerRole, name))
		p.name = name
	})
	if p.name == "" {
		t.Fatal("the database could not be prepared: see the test that ran before")
	}
	return server.copyOf(t, p.name)
}

// part is a part of a test with cleanups of its own.
type part struct {
	testing.TB
	cleanups []func()
}

// Cleanup implements testing.TB.
func (p *part) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

func (p *part) end() {
	for _, f := range slices.Backward(p.cleanups) {
		f()
	}
}
