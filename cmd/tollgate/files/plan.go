package files

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/models/config"
	"tollgate/models/configfile"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/plural"
)

const exitCodes = "\nThe console is that of TOLLGATE_URL, and the key that of TOLLGATE_API_KEY.\n" +
	"Exit codes: 0 done, 1 problems, 2 changes (with --exit-code), 3 drift or owned by another set, 4 stale plan,\n" +
	"5 a test fails, 6 too many deletions or no document, 64 usage, 69 the console is away, 77 not permitted."

func runFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		filesFlag(), setFlag(),
		&cli.BoolFlag{Name: "prune", Usage: "delete what the set owns and no file describes"},
		&cli.BoolFlag{Name: "release", Usage: "let go of what the set owns and no file describes: it stays, and belongs to no set"},
		&cli.IntFlag{Name: "max-deletes", Usage: "delete at most `N`", Value: 10},
		&cli.StringFlag{Name: "on-drift", Usage: "fail, or revert what was changed in the console: `WORD`", Value: "fail"},
		&cli.BoolFlag{Name: "propagate", Usage: "bring changed profiles to the copies of their holders"},
		&cli.BoolFlag{Name: "json", Usage: "print the answer of the console"},
	}, more...)
}

func (p *program) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Category: Category,
		Usage:       "say what an apply of files would change",
		Description: "For example: tollgate plan -f config -o plan.json" + exitCodes,
		Flags: runFlags(
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "keep the plan in `FILE`, for apply --plan"},
			&cli.BoolFlag{Name: "exit-code", Usage: "exit with 2 when there is something to change"},
		),
		Action: func(ctx context.Context, command *cli.Command) error {
			b, c, err := p.prepare(command)
			if err != nil {
				return err
			}
			planned, err := p.planned(ctx, c, b, command)
			if err != nil {
				return err
			}
			if file := command.String("output"); file != "" {
				if err := keepPlan(file, planned); err != nil {
					return err
				}
			}
			if err := p.settled(b, planned); err != nil {
				return err
			}
			if command.Bool("exit-code") && len(planned.Changes) > 0 {
				return Error{exitChanges, errors.New("there is something to change")}
			}
			return nil
		},
	}
}

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name: "apply", Category: Category,
		Usage:       "bring a console into the state that files describe",
		Description: "For example: tollgate apply -f config --yes" + exitCodes,
		Flags: runFlags(
			&cli.StringFlag{Name: "plan", Usage: "apply the plan kept in `FILE`, and nothing else"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		),
		Action: func(ctx context.Context, command *cli.Command) error {
			b, c, err := p.prepare(command)
			if err != nil {
				return err
			}
			plan, err := p.chosenPlan(ctx, c, b, command)
			if err != nil {
				return err
			}
			var applied config.Result
			body := b.request(append(runOptions(command), option("plan", input.String, plan))...)
			if err := c.call(ctx, "POST", "/api/config/apply", body, &applied); err != nil {
				return p.refusedRun(b, err)
			}
			if command.Bool("json") {
				return printJSON(p.stdout, applied)
			}
			_, err = fmt.Fprintf(p.stdout, "Applied to set %s: %s.\n", applied.Set, counts(applied))
			return err
		},
	}
}

func (p *program) testCommand() *cli.Command {
	return &cli.Command{
		Name: "test", Category: Category,
		Usage:       "ask the tests of files of a running console",
		Description: "For example: tollgate test -f config" + exitCodes,
		Flags:       []cli.Flag{filesFlag()},
		Action: func(ctx context.Context, command *cli.Command) error {
			b, c, err := p.prepare(command)
			if err != nil {
				return err
			}
			body := configfile.Node{Kind: input.Object, Members: []configfile.Member{{Name: "tests", Node: listOf(b.tests)}}}
			var done struct {
				Passed int `json:"passed"`
			}
			if err := c.call(ctx, "POST", "/api/config/test", body.AppendJSON(nil), &done); err != nil {
				return p.refusedRun(b, err)
			}
			_, err = fmt.Fprintf(p.stdout, "%s.\n", plural.Of(done.Passed, "test holds", "tests hold"))
			return err
		},
	}
}

// prepare reads and checks the files of a command before a console is asked.
func (p *program) prepare(command *cli.Command) (*bundle, client, error) {
	c, err := p.client()
	if err != nil {
		return nil, c, err
	}
	b, err := p.readFiles(command)
	if err != nil {
		return nil, c, err
	}
	if err := p.report(b.check(), exitFailure); err != nil {
		return nil, c, err
	}
	if command.Name == "test" {
		return b, c, nil
	}
	if b.set.Kind == input.Absent {
		return nil, c, Error{exitUsage, errors.New("name the set, by a document of the kind set or with --set")}
	}
	if command.Bool("release") {
		return b, c, nil // a set may let go of everything
	}
	return b, c, b.empty()
}

func runOptions(command *cli.Command) []configfile.Member {
	return []configfile.Member{
		option("prune", input.Bool, strconv.FormatBool(command.Bool("prune"))),
		option("release", input.Bool, strconv.FormatBool(command.Bool("release"))),
		option("max_deletes", input.Number, strconv.Itoa(command.Int("max-deletes"))),
		option("on_drift", input.String, command.String("on-drift")),
		option("propagate", input.Bool, strconv.FormatBool(command.Bool("propagate"))),
	}
}

// planned asks the console for a plan, and prints it.
func (p *program) planned(ctx context.Context, c client, b *bundle, command *cli.Command) (config.Result, error) {
	var planned config.Result
	if err := c.call(ctx, "POST", "/api/config/plan", b.request(runOptions(command)...), &planned); err != nil {
		return planned, p.refusedRun(b, err)
	}
	if command.Bool("json") {
		return planned, printJSON(p.stdout, planned)
	}
	return planned, printPlan(p.stdout, planned)
}

// settled refuses a plan that cannot be applied.
func (p *program) settled(b *bundle, planned config.Result) error {
	if len(planned.Errors) > 0 {
		return p.report(b.located(planned.Errors), codeOf(planned.Errors[0].Code))
	}
	if len(planned.Conflicts) == 0 {
		return nil
	}
	var problems []configfile.Problem
	for _, conflict := range planned.Conflicts {
		at, _ := b.place(conflict.Param)
		problems = append(problems, configfile.Problem{Place: at, Code: conflict.Code, Message: conflict.Message})
	}
	return p.report(problems, codeOf(planned.Conflicts[0].Code))
}

func (p *program) refusedRun(b *bundle, err error) error {
	var refused refusedCall
	if !errors.As(err, &refused) {
		return err
	}
	return p.report(b.located(refused.problems), refused.code())
}

// chosenPlan is the plan to apply: the one that was kept, or a new one that is agreed to or changes nothing.
func (p *program) chosenPlan(ctx context.Context, c client, b *bundle, command *cli.Command) (string, error) {
	if file := command.String("plan"); file != "" {
		return keptPlan(file)
	}
	planned, err := p.planned(ctx, c, b, command)
	if err != nil {
		return "", err
	}
	if err := p.settled(b, planned); err != nil || command.Bool("yes") || len(planned.Changes) == 0 {
		return planned.Plan, err
	}
	if _, err := fmt.Fprint(p.stdout, "Apply this? Type yes: "); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if strings.TrimSpace(answer) != "yes" {
		return "", errors.Join(errors.New("not applied: the answer was not yes"), ignoreEnd(err))
	}
	return planned.Plan, nil
}

// kept is the part of a plan that an apply needs.
type kept struct {
	Plan string `json:"plan"`
}

func keepPlan(file string, planned config.Result) error {
	encoded, err := json.MarshalIndent(planned, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(encoded, '\n'), 0o600)
}

func keptPlan(file string) (string, error) {
	encoded, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var plan kept
	if err := database.ReadDocument(encoded, &plan); err != nil || plan.Plan == "" {
		return "", Error{exitUsage, fmt.Errorf("%s is no plan: make one with tollgate plan -o", file)}
	}
	return plan.Plan, nil
}
