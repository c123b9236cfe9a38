package database

import (
	"context"
	"database/sql/driver"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/models/problem"
)

// peer is a server that gives no connection: one that hangs, or a standby.
type peer struct {
	name  string
	hangs bool
	asked *[]string
}

func (p peer) Connect(ctx context.Context) (driver.Conn, error) {
	*p.asked = append(*p.asked, p.name)
	if p.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, problem.StandbyError{}
}

func (peer) Driver() driver.Driver { return nil }

// A server that hangs is asked after all that answer, also when it took the time of the first caller, so that a standby
// is found as soon as it is promoted.
func TestServerThatHangsIsAskedLast(t *testing.T) {
	synctest.Test(t, askHosts) // time passes only while a server hangs
}

func askHosts(t *testing.T) {
	var asked []string
	made := &connector{}
	for _, p := range []peer{{"hangs", true, &asked}, {"one", false, &asked}, {"two", false, &asked}} {
		made.hosts = append(made.hosts, &host{Connector: p})
	}
	for _, want := range [][]string{{"hangs"}, {"one", "two", "hangs"}, {"one", "two", "hangs"}} {
		asked = nil
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := made.connect(ctx); err == nil {
			t.Error("connected")
		}
		cancel()
		if !slices.Equal(asked, want) {
			t.Errorf("asked %v, want %v", asked, want)
		}
	}
}
