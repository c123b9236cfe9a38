package tally

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// Set is the copy and the counters of an event. Events that share them refer to one row, whose id is a hash.
type Set struct {
	ID            uuid.UUID // zero without a copy
	Copy, Profile int64
	Charges       []Charge
}

// NewSet makes a set; copy is 0 without a copy.
func NewSet(ofCopy, ofProfile int64, charges []Charge) Set {
	s := Set{Copy: ofCopy, Profile: ofProfile, Charges: charges}
	if ofCopy != 0 {
		s.ID = s.hash()
	}
	return s
}

func (s Set) hash() uuid.UUID {
	text := binary.BigEndian.AppendUint64(make([]byte, 0, 256), uint64(s.Copy))
	text = binary.BigEndian.AppendUint64(text, uint64(s.Profile))
	for _, c := range s.Charges {
		text = append(append(append(text, c.Line[:]...), c.Kind...), ' ')
		text = append(append(text, c.Duration...), ' ')
		text = binary.BigEndian.AppendUint64(text, uint64(c.Start))
	}
	sum := sha256.Sum256(text)
	return uuid.UUID(sum[:16])
}

// UUIDs are ids as a column has them, null where they are not valid.
type UUIDs = pgtype.FlatArray[pgtype.UUID]

// SetColumns are sets to be stored, a row for each counter; a set without counters has one that is null.
type SetColumns struct {
	IDs, Lines       UUIDs
	Copies, Profiles []int64
	Kinds, Durations []string
	Starts           []time.Time
}

// Add appends a set.
func (c *SetColumns) Add(s *Set) {
	charges := s.Charges
	if len(charges) == 0 {
		charges = []Charge{{}}
	}
	for _, charge := range charges {
		c.IDs = append(c.IDs, pgtype.UUID{Bytes: s.ID, Valid: true})
		c.Lines = append(c.Lines, pgtype.UUID{Bytes: charge.Line, Valid: len(s.Charges) > 0})
		c.Copies, c.Profiles = append(c.Copies, s.Copy), append(c.Profiles, s.Profile)
		c.Kinds, c.Durations = append(c.Kinds, charge.Kind), append(c.Durations, charge.Duration)
		c.Starts = append(c.Starts, time.UnixMicro(charge.Start))
	}
}
