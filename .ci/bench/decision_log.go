package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var decided = regexp.MustCompile(`BenchmarkDecide/refused=(true|false)/(without|with)\S*\s.*?([\d.]+) cpu-ns/op`)

// measureLog takes from Go's benchmark what the route of decisions costs with the decision log and without.
func (b *bench) measureLog(ctx context.Context) error {
	command := exec.CommandContext(ctx, "go", "test", "-tags=nomsgpack", "-run=^$", "-bench=^BenchmarkDecide$",
		"-benchtime=20000x", "./web")
	command.Dir = b.source
	printed, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("measure the decision log: %w\n%s", err, printed)
	}
	cpu := map[string][]float64{}
	for _, found := range decided.FindAllStringSubmatch(string(printed), -1) {
		ns, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			return err
		}
		cpu[found[1]+found[2]] = append(cpu[found[1]+found[2]], ns)
	}
	for _, kind := range []struct{ refused, what string }{{"false", "allowed"}, {"true", "refused"}} {
		with, without := cpu[kind.refused+"with"], cpu[kind.refused+"without"]
		if len(with) == 0 || len(without) == 0 {
			return fmt.Errorf("the benchmark of the decision log printed no figures:\n%s", printed)
		}
		limit, ratio := atMost(1.05), median(with)/median(without)
		b.add(line{
			id: "P13", what: "CPU of a decision with the log, " + kind.what, ours: micros(time.Duration(median(with))),
			other: "without " + micros(time.Duration(median(without))), ratio: fmt.Sprintf("%.2f", ratio), bar: limit.String(),
			verdict: limit.verdict(ratio),
		})
	}
	return nil
}
