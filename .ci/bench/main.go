// Command bench measures the console beside the least work that gives the same answers and beside other programs, all
// in one run on this machine. It says how far the console is from its bars; a number that is under its bar is not an
// error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// options say what is measured, and for how long.
type options struct {
	console string        // the program
	source  string        // the folder of its source, for Go's own benchmarks
	only    string        // ids with commas between; all when empty
	slice   time.Duration // of one measurement
	rounds  int
	large   int // profiles of the large console
	keys    int // virtual keys of the console that gateways ask
	whole   bool
}

func (o options) wanted(id string) bool {
	for chosen := range strings.SplitSeq(o.only, ",") {
		if chosen == "" || chosen == id {
			return true
		}
	}
	return false
}

func main() {
	// The kernel ends the servers when the thread that started them ends, so all are started from the main one.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.console, "console", "bin/tollgate", "measure this `program`")
	flags.StringVar(&o.source, "source", ".", "its source is in this `folder`")
	flags.StringVar(&o.only, "only", "", "measure only these `ids`, such as P2,P3")
	flags.DurationVar(&o.slice, "slice", 2*time.Second, "load each server for this `time` in each round")
	flags.IntVar(&o.rounds, "rounds", 5, "go round the servers this `many` times")
	flags.IntVar(&o.large, "large", 100_000, "fill the large console with this `many` profiles")
	flags.IntVar(&o.keys, "keys", 100_000, "let gateways ask with this `many` virtual keys")
	flags.BoolVar(&o.whole, "whole", false, "fill the company with 5 million events and 10 million sums instead of a part of them")
	serve := flags.String("serve", "", "be the `server` that the console is compared with: floor, hello, ledger or pocketbase")
	addr := flags.String("addr", "", "the server listens on `HOST:PORT`")
	database := flags.String("database", "", "the floor keeps its rows in the database at `URL`")
	dir := flags.String("dir", "", "PocketBase keeps its data in `FOLDER`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch *serve {
	case "floor":
		return serveFloor(ctx, *addr, *database)
	case "hello":
		return serveHello(ctx, *addr)
	case "ledger":
		return serveLedger(ctx, *addr, *database, o.keys)
	case "pocketbase":
		return servePocketBase(ctx, *addr, *dir)
	case "":
		return measureAll(ctx, o, out)
	}
	return errors.New("serve floor, hello, ledger or pocketbase")
}

func measureAll(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "tollgate-bench-")
	if err != nil {
		return err
	}
	// The private server runs as another user, who has to get in.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the data folder inside is closed
		return err
	}
	b := &bench{options: o, dir: dir, out: out}
	defer func() { err = errors.Join(err, b.stop(), os.RemoveAll(dir)) }()
	return b.measure(ctx)
}
