package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tollgate/models/ledger"
)

// choices reads settings: the command line wins over the environment, and an empty variable counts as not set.
type choices struct {
	typed  *cli.Command
	getenv func(string) string
}

func (c choices) text(flag, variable string) string {
	if c.typed.IsSet(flag) {
		return c.typed.String(flag)
	}
	return c.getenv(variable)
}

func (c choices) list(flag, variable string) []string {
	var list []string
	for one := range strings.SplitSeq(c.text(flag, variable), ",") {
		if one = strings.TrimSpace(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}

func (c choices) yes(flag, variable string, unset bool) (bool, error) {
	if c.typed.IsSet(flag) {
		return c.typed.Bool(flag), nil
	}
	value := c.getenv(variable)
	if value == "" {
		return unset, nil
	}
	chosen, err := strconv.ParseBool(value)
	if err != nil {
		return false, settingError{variable, fmt.Sprintf("%q is neither 1 nor 0", value)}
	}
	return chosen, nil
}

// mostDays is the longest that something can be kept for.
const mostDays = 400

func (c choices) days(flag, variable string, unset int) (int, error) {
	value := c.text(flag, variable)
	if value == "" {
		return unset, nil
	}
	days, err := strconv.Atoi(value)
	if err != nil || days < 1 || days > mostDays {
		return 0, settingError{variable, fmt.Sprintf("%q is not a number of days from 1 to %d", value, mostDays)}
	}
	return days, nil
}

// mostKept is a hundred years.
const mostKept = 36_500

// kept is for how many days something is kept: a number, also with a unit as in 90d.
func (c choices) kept(flag, variable string, unset int) (int, error) {
	value := c.text(flag, variable)
	if value == "" {
		return unset, nil
	}
	days, err := strconv.Atoi(strings.TrimSuffix(value, "d"))
	if err != nil || days < ledger.LeastKept || days > mostKept {
		return 0, settingError{variable, fmt.Sprintf("%q is not a number of days from %d to %d", value, ledger.LeastKept, mostKept)}
	}
	return days, nil
}

// keep is for how long usage and the audit log are kept.
func (c choices) keep() (keep ledger.Keep, err error) {
	if keep.Events, err = c.kept("keep-events", "TOLLGATE_KEEP_EVENTS", ledger.DefaultKeep.Events); err != nil {
		return keep, err
	}
	if keep.Days, err = c.kept("keep-days", "TOLLGATE_KEEP_DAYS", ledger.DefaultKeep.Days); err != nil {
		return keep, err
	}
	if keep.Audit, err = c.kept("keep-audit", "TOLLGATE_KEEP_AUDIT", ledger.DefaultKeep.Audit); err != nil {
		return keep, err
	}
	keep.Archive = c.text("archive", "TOLLGATE_ARCHIVE")
	if found, err := os.Stat(keep.Archive); keep.Archive != "" && (err != nil || !found.IsDir()) {
		return keep, settingError{"TOLLGATE_ARCHIVE", fmt.Sprintf("%q is not a folder", keep.Archive)}
	}
	keep.Windows, err = c.kept("keep-windows", "TOLLGATE_KEEP_WINDOWS", ledger.DefaultKeep.Windows)
	return keep, err
}

// seconds is a number of seconds, also with a unit as in 1500ms.
func (c choices) seconds(flag, variable string, unset, most time.Duration) (time.Duration, error) {
	value := c.text(flag, variable)
	if value == "" {
		return unset, nil
	}
	chosen, err := time.ParseDuration(value)
	if seconds, number := strconv.ParseUint(value, 10, 16); number == nil {
		chosen, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || chosen < 0 || chosen > most {
		return 0, settingError{variable, fmt.Sprintf("%q is not a number of seconds from 0 to %.0f", value, most.Seconds())}
	}
	return chosen, nil
}
