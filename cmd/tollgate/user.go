package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/models/account"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
)

// The length of a password, in bytes.
const (
	minPassword = 12
	maxPassword = 1024
)

func (p *program) userCommand() *cli.Command {
	return &cli.Command{
		Name:   "user",
		Usage:  "manage the users who may sign in",
		Action: chooseSubcommand,
		Commands: []*cli.Command{{
			Name:        "create",
			Usage:       "add a user; the password is the first line of the standard input",
			Description: "For example: tollgate user create --email ada@example.com --role Admin <password.txt",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "email", Usage: "sign in as `ADDRESS`", Required: true},
				&cli.StringFlag{
					Name: "role", Usage: "`NAME` of the role: Admin, Developer, Viewer or one of your own",
					Required: true,
				},
				&cli.StringFlag{Name: "name", Usage: "the `NAME` that others see"},
			},
			Action: p.createUser,
		}, {
			Name:        "break-glass",
			Usage:       "let an admin sign in with a password also while identity providers are enforced",
			ArgsUsage:   "ADDRESS",
			Description: "For example: tollgate user break-glass ada@example.com",
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "off", Usage: "end that"}},
			Action:      p.withDatabase(p.breakGlass),
			ArgValidator: func(_ context.Context, command *cli.Command) error {
				if command.Args().Len() != 1 {
					return usageError{errors.New("user break-glass needs the email address of one user, and no more")}
				}
				return nil
			},
		}},
	}
}

// chooseSubcommand answers a command that is only the first half of one.
func chooseSubcommand(_ context.Context, command *cli.Command) error {
	var names []string
	for _, sub := range command.VisibleCommands() {
		names = append(names, command.FullName()+" "+sub.Name)
	}
	return usageError{fmt.Errorf("choose what to do: %s", strings.Join(names, ", "))}
}

func (p *program) createUser(ctx context.Context, command *cli.Command) error {
	typed, err := readPassword(p.stdin)
	if err != nil {
		return err
	}
	return p.withDatabase(func(ctx context.Context, _ settings, db *db, command *cli.Command) error {
		in := identity.UserInput{
			Email:    input.FormValue(command.String("email")),
			Password: input.FormValue(typed),
			Role:     input.FormValue(command.String("role")),
		}
		if name := command.String("name"); name != "" {
			in.Name = input.FormValue(name)
		}
		user, err := account.CreateUser(ctx, db.DB, &password.Hasher{}, permission.CLI, in)
		if err != nil {
			return refused("create the user", err)
		}
		_, err = fmt.Fprintf(p.stdout, "%s may sign in as %s.\n", user.Email, user.Role)
		return err
	})(ctx, command)
}

// breakGlass makes an admin a break-glass admin, or ends that.
func (p *program) breakGlass(ctx context.Context, _ settings, db *db, command *cli.Command) error {
	user, err := identity.SetBreakGlass(ctx, db.DB, permission.CLI, command.Args().First(), !command.Bool("off"))
	if err != nil {
		return refused("set the break-glass admin", err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s is %sa break-glass admin.\n", user.Email, plural.Choose(user.BreakGlass, "", "not "))
	return err
}

// ssoCommand is the way out when no identity provider lets users in.
func (p *program) ssoCommand() *cli.Command {
	return &cli.Command{
		Name: "sso", Usage: "manage sign-in by identity providers", Action: chooseSubcommand,
		Commands: []*cli.Command{{
			Name: "off", Usage: "accept passwords again", Action: p.withDatabase(p.ssoOff),
		}},
	}
}

func (p *program) ssoOff(ctx context.Context, _ settings, db *db, _ *cli.Command) error {
	off := identity.Enforcement{EnforceSSO: input.FormValue("false")}
	if _, err := identity.SetEnforcement(ctx, db.DB, permission.CLI, false, off); err != nil {
		return refused("accept passwords", err)
	}
	_, err := fmt.Fprintln(p.stdout, "Passwords are accepted.")
	return err
}

// readPassword reads one line and refuses what could not be a password, before anything is started.
func readPassword(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, 4*maxPassword+3)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from the standard input: %w", err)
	}
	typed := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if length := len(password.Form(typed)); length < minPassword || length > maxPassword {
		return "", errors.New("the password on the standard input must be 12 to 1,024 bytes long")
	}
	return typed, nil
}

// refused formats the problems of a refusal for a terminal.
func refused(doing string, err error) error {
	var refusal *problem.Refusal
	if !errors.As(err, &refusal) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var messages []string
	for _, problem := range refusal.Problems {
		messages = append(messages, problem.Message)
	}
	return fmt.Errorf("%s: %s", doing, strings.Join(messages, " "))
}
