package modelstest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"tollgate/models/window"
)

// Randomly is a source of chance that prints its seed; TOLLGATE_SEED repeats a run.
func Randomly(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("TOLLGATE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("TOLLGATE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Microsecond is the finest time that PostgreSQL stores.
const Microsecond = time.Microsecond

// utc and the calendars of zones whose clocks change in ways of their own: at midnight, by half an hour, or never.
var (
	Utc       = window.Calendar{CalendarAligned: true}
	Calendars = []window.Calendar{
		{},
		{TimeZone: "Europe/Berlin"},
		Utc,
		{CalendarAligned: true, TimeZone: "Europe/Berlin"},
		{CalendarAligned: true, TimeZone: "America/Havana"},
		{CalendarAligned: true, TimeZone: "America/Santiago"},
		{CalendarAligned: true, TimeZone: "Africa/Cairo"},
		{CalendarAligned: true, TimeZone: "Australia/Lord_Howe"},
		{CalendarAligned: true, TimeZone: "Asia/Kathmandu"},
		{CalendarAligned: true, TimeZone: "Atlantic/Azores"},
		{CalendarAligned: true, TimeZone: "Pacific/Chatham"},
	}
)
