package usage

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// addSet adds the copy and the counters of the event that was added last. Events that share them refer to one row.
func (c *eventColumns) addSet(e *Event) {
	if e.CopyID == 0 {
		c.sets = append(c.sets, nil)
		return
	}
	hash := sha256.New()
	number := make([]byte, 8)
	write := func(n int64) {
		binary.BigEndian.PutUint64(number, uint64(n))
		hash.Write(number)
	}
	write(e.CopyID)
	write(e.ProfileID)
	for _, l := range e.Lines {
		start, _ := l.Window(e.OccurredAt)
		hash.Write(l.ID[:])
		hash.Write([]byte(l.Kind + " " + l.Duration + " "))
		write(start.UnixMicro())
	}
	id := uuid.UUID(hash.Sum(nil)[:16]).String()
	c.sets = append(c.sets, &id)
	if c.setOf == nil {
		c.setOf = map[string]int64{}
	}
	if _, known := c.setOf[id]; !known {
		c.setOf[id] = int64(len(c.ids))
	}
}

// distinctSets are the sets, each with the index of an event that has it, from 1.
func (c *eventColumns) distinctSets() (ids []string, events []int64) {
	for id, event := range c.setOf {
		ids, events = append(ids, id), append(events, event)
	}
	return ids, events
}
