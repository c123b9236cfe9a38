package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// buildPatience is for the first time; afterwards Go's cache has everything.
const buildPatience = 10 * time.Minute

// build builds a program that go.mod names as a tool, and returns where it is.
func (b *bench) build(ctx context.Context, name, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, buildPatience)
	defer cancel()
	program, err := filepath.Abs(filepath.Join(b.source, "bin", name))
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(b.source, ".ci", "bench"), "-o", program, path)
	if printed, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %.300s", name, err, printed)
	}
	return program, nil
}

// startPeer builds and starts another product. The caller continues without it when that fails.
func (b *bench) startPeer(ctx context.Context, name, path, addr, ready string, args ...string) (*process, error) {
	program, err := b.build(ctx, name, path)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, b.dir, name, addr, ready, nil, program, args...)
	if err != nil {
		return nil, err
	}
	b.running = append(b.running, p)
	return p, nil
}

// runPeer builds another product and runs one command of it.
func (b *bench) runPeer(ctx context.Context, name, path string, args ...string) error {
	program, err := b.build(ctx, name, path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if printed, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %.300s", name, args[0], err, printed)
	}
	return nil
}

// missing records that a peer could not be started, and why.
func (b *bench) missing(ctx context.Context, id, what, name string, limit *bar, err error) error {
	if ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	b.add(line{
		id: id, what: what, other: fmt.Sprintf("%s could not be started: %.60q", name, err.Error()),
		bar: limit.String(), verdict: "unknown",
	})
	return nil
}
