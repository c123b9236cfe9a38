package main

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/urfave/cli/v3"

	"tollgate/models/ledger"
)

func (p *program) ledgerCommand() *cli.Command {
	return &cli.Command{
		Name:   "ledger",
		Usage:  "check the usage counters",
		Action: chooseSubcommand,
		Commands: []*cli.Command{{
			Name:  "verify",
			Usage: "compare every counter, and the usage of each day, with the events that were counted on it",
			Flags: []cli.Flag{&cli.BoolFlag{Name: "full", Usage: "read all events, " +
				"also those whose sums are sealed and those that are archived"}},
			Action: p.withExisting(func(ctx context.Context, s settings, db *db, command *cli.Command) error {
				check := ledger.Verify
				switch full := command.Bool("full"); {
				case full && s.Keep.Archive != "":
					check = func(ctx context.Context, db bun.IDB) (int64, []ledger.Skew, error) {
						return ledger.VerifyArchived(ctx, db, s.Keep)
					}
				case full:
					check = ledger.VerifyWhole
				}
				counters, skewed, err := check(ctx, db.DB)
				if err != nil {
					return err
				}
				p.nameSkewed(skewed)
				if len(skewed) > 0 {
					return fmt.Errorf("%d of %d counters are not what their events add up to", len(skewed), counters)
				}
				_, err = fmt.Fprintf(p.stdout, "All %d counters are what their events add up to.\n", counters)
				return err
			}),
		}},
	}
}

func (p *program) nameSkewed(skewed []ledger.Skew) {
	for _, s := range skewed {
		fmt.Fprintf(p.stdout, "%s %s per %s from %s: counted %d, events add up to %d\n",
			s.LineID, s.Kind, s.ResetDuration, s.WindowStart.Format("2006-01-02T15:04:05Z"), s.Used, s.Events)
	}
}
