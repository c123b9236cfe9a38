package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux reports CPU time, on all of its platforms.
const tick = time.Second / 100

// spent is the CPU time of a process so far.
func (p *process) spent() (time.Duration, error) {
	_, spent, err := processStat(strconv.Itoa(p.command.Process.Pid))
	return spent, err
}

// spentBelow is the CPU time of the processes that a process has started, and those that they have.
func (p *process) spentBelow() (total time.Duration, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	parents, spent := map[string]string{}, map[string]time.Duration{}
	for _, dir := range stats {
		pid := filepath.Base(dir)
		if parent, took, err := processStat(pid); err == nil { // else it has ended meanwhile
			parents[pid], spent[pid] = parent, took
		}
	}
	own := strconv.Itoa(p.command.Process.Pid)
	for pid := range parents {
		for parent := parents[pid]; parent != "" && parent != "0"; parent = parents[parent] {
			if parent == own {
				total += spent[pid]
				break
			}
		}
	}
	return total, nil
}

func processStat(pid string) (parent string, spent time.Duration, err error) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return "", 0, err
	}
	// The program's name is in brackets and may contain anything; after it come the state, the parent and so on.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return "", 0, fmt.Errorf("/proc/%s/stat has only %d fields", pid, len(fields))
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return "", 0, err
		}
		spent += time.Duration(ticks) * tick
	}
	return fields[1], spent, nil
}
