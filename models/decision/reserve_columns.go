package decision

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// holdColumns are estimates to be held, a row each.
type holdColumns struct {
	ids, users     []string
	copies, leases []int64
	names          []*string
	contents       [][]byte
}

// askColumns are what estimates ask of limits, a row for each limit.
type askColumns struct {
	of                      []int64 // which estimate it is, from 1
	lines                   pgtype.FlatArray[pgtype.UUID]
	kinds, durations        []string
	starts                  []time.Time
	amounts, aheads, limits []int64           // what is asked, what earlier estimates ask, and what may be used
	asked                   map[counter]int64 // so far
}

// counter is what estimates of a batch may have in common: a limit in a window.
type counter struct {
	line           uuid.UUID
	kind, duration string
	start          int64 // in microseconds
}

func columns(estimates []*estimate) (*holdColumns, *askColumns) {
	holds := &holdColumns{}
	// Of a call that no limit counts for, nothing is asked: that is an empty array for the database, and not null.
	asks := &askColumns{
		of: []int64{}, lines: pgtype.FlatArray[pgtype.UUID]{}, kinds: []string{}, durations: []string{},
		starts: []time.Time{}, amounts: []int64{}, aheads: []int64{}, limits: []int64{}, asked: map[counter]int64{},
	}
	for i, e := range estimates {
		holds.add(e)
		asks.add(int64(i+1), e)
	}
	return holds, asks
}

func (c *holdColumns) add(e *estimate) {
	c.ids, c.users, c.copies = append(c.ids, e.key), append(c.users, e.user.String()), append(c.copies, e.userCopy.ID)
	c.leases = append(c.leases, int64(e.call.Hold.Lasts().Seconds()))
	var name *string
	if e.content != nil {
		name = &e.call.Hold.ID
	}
	c.names, c.contents = append(c.names, name), append(c.contents, e.content)
}

func (c *askColumns) add(n int64, e *estimate) {
	for _, l := range e.userCopy.Counting(e.call) {
		start, _ := l.Window(e.at)
		of := counter{l.ID, l.Kind, l.Duration, start.UnixMicro()}
		amount := cost(l, e.call)
		c.of, c.lines = append(c.of, n), append(c.lines, pgtype.UUID{Bytes: l.ID, Valid: true})
		c.kinds, c.durations, c.starts = append(c.kinds, l.Kind), append(c.durations, l.Duration), append(c.starts, start)
		c.amounts, c.aheads = append(c.amounts, amount), append(c.aheads, c.asked[of])
		c.limits = append(c.limits, l.Cap(e.at))
		c.asked[of] += amount
	}
}
