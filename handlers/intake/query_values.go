package intake

import (
	"time"

	"tollgate/models/money"
	"tollgate/models/report"
	"tollgate/models/window"
)

// firstYear is the first that a day may be asked of: the database has no year 0, and some reports look a month or a
// year back.
const firstYear = 1970

// Day reads a date, or a time, of RFC 3339; a date stands for its start, shifted by whole days.
func (q *Query) Day(name string, shift int) *time.Time {
	text := q.Get(name)
	if text == "" {
		return nil
	}
	if date, err := time.Parse(time.DateOnly, text); err == nil && date.Year() >= firstYear {
		date = date.AddDate(0, 0, shift)
		return &date
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.UTC().Year() < firstYear {
		q.Refuse(name, "invalid_timestamp",
			"Send "+name+" as a date such as 2026-11-23, or as a time of RFC 3339, from 1970 on.")
		return nil
	}
	return &at
}

// Flag reads a parameter that is 1 when it is on.
func (q *Query) Flag(name string) bool {
	text := q.Get(name)
	if text != "" && text != "0" && text != "1" {
		q.Refuse(name, "wrong_type", "Send "+name+" as 1, or leave it out.")
	}
	return text == "1"
}

// Zone reads the name of a time zone; nil is UTC.
func (q *Query) Zone(name string) *time.Location {
	text := q.Typed(name)
	if text == "" {
		return nil
	}
	zone, ok := report.Zone(text)
	if !ok {
		q.Refuse(name, "invalid_time_zone", window.ZoneHint(text))
	}
	return zone
}

// Date reads a whole day.
func (q *Query) Date(name string) *time.Time {
	text := q.Get(name)
	if text == "" {
		return nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < firstYear {
		q.Refuse(name, "invalid_timestamp", "Give the day as a date such as 2026-11-23, from 1970 on.")
		return nil
	}
	return &day
}

// Money reads an amount of dollars, 0 when it was left out.
func (q *Query) Money(name string) money.Money {
	text := q.Typed(name)
	if text == "" {
		return 0
	}
	amount, err := money.ParseMoney(text)
	if err != nil {
		q.Refuse(name, "number_out_of_range", "Send "+name+" as an amount of dollars, such as 0.25.")
		return 0
	}
	return amount
}
