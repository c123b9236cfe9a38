package sample

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/profile"
	"tollgate/models/propagation"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// seedHistory adds changes to the sample company: profiles assigned to single users, a profile changed and propagated
// to some, a budget raised, a copy paused. It is for profiles and users that were just added.
func seedHistory(
	ctx context.Context, db *bun.DB, keys secret.Keys, actor permission.Actor, profiles map[string]int64,
	emails []string, now time.Time,
) error {
	people, err := usersByEmail(ctx, db, emails)
	if err != nil {
		return err
	}
	for _, direct := range []struct {
		profile string
		every   int
		first   int
		days    int // until it ends; 0 for forever
	}{{"Platform team", 12, 3, 0}, {"Interns", 40, 20, 45}, {"Legal", 60, 55, 0}, {"Marketing", 50, 10, 120}} {
		for i := direct.first; i < len(people); i += direct.every {
			if err := seedAssignment(ctx, db, keys, actor, people[i].ID, profiles[direct.profile], now,
				direct.days); err != nil {
				return err
			}
		}
	}
	if err := seedKeys(ctx, db, keys, actor, people); err != nil {
		return err
	}
	if err := seedUsage(ctx, db, keys, people, now); err != nil {
		return err
	}
	if err := seedPush(ctx, db, actor, profiles["Support"], people); err != nil {
		return err
	}
	return seedExceptions(ctx, db, actor, people)
}

// seedKeys makes a key for most users who have a copy and no key.
func seedKeys(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, people []identity.Holder,
) error {
	for i, person := range people {
		copies, err := assignment.List(ctx, db, person.ID)
		if err != nil {
			return err
		}
		if i%10 == 9 || len(copies) == 0 || len(copies[0].VirtualKeyIDs) > 0 {
			continue
		}
		if _, err := virtualkey.Create(ctx, db, keys, actor, person.ID, virtualkey.Input{}); err != nil {
			return fmt.Errorf("make a sample key: %w", err)
		}
	}
	return nil
}

func usersByEmail(ctx context.Context, db bun.IDB, emails []string) ([]identity.Holder, error) {
	people := make([]identity.Holder, len(emails))
	for i, email := range emails {
		if err := db.NewRaw("SELECT id, email FROM users WHERE email_key = ?", input.FoldCase(email)).
			Scan(ctx, &people[i]); err != nil {
			return nil, fmt.Errorf("look up sample user %s: %w", email, err)
		}
	}
	return people, nil
}

func seedAssignment(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, user string, profile int64,
	now time.Time, days int,
) error {
	if profile == 0 {
		return nil
	}
	in := assignment.AssignInput{AccessProfileID: input.SampleNumber(fmt.Sprint(profile))}
	if days > 0 {
		in.ExpiresAt = input.SampleText(now.AddDate(0, 0, days).Truncate(time.Hour).Format(time.RFC3339))
	}
	if _, _, err := assignment.Assign(ctx, db, keys, actor, user, in); err != nil {
		return fmt.Errorf("assign sample profile %d: %w", profile, err)
	}
	return nil
}

// seedPush changes a profile twice and propagates the first change to some of its holders, so that the others are
// behind.
func seedPush(ctx context.Context, db *bun.DB, actor permission.Actor, id int64, people []identity.Holder) error {
	if id == 0 {
		return nil
	}
	tighter := profile.Input{Budgets: input.ListOf([]string{"12/1d", "300/1M"}, sampleBudget)}
	if _, err := profile.Update(ctx, db, actor, id, nil, tighter); err != nil {
		return fmt.Errorf("change sample profile: %w", err)
	}
	in := propagation.Input{
		Fields:  input.ListOf([]string{"budgets"}, input.SampleText),
		UserIDs: input.List[input.Value]{Kind: input.Array},
	}
	for i, person := range people {
		if i%2 == 0 {
			in.UserIDs.Items = append(in.UserIDs.Items, input.SampleText(person.ID))
		}
	}
	job, err := propagation.Start(ctx, db, actor, id, nil, in)
	if err != nil {
		return fmt.Errorf("push sample profile: %w", err)
	}
	if err := propagation.NewWorker(db, slog.New(slog.DiscardHandler)).Work(ctx, job); err != nil {
		return fmt.Errorf("push sample profile: %w", err)
	}
	described := profile.Input{Description: input.SampleText("Answers customers with small, quick models. " +
		"Drafts only: a person reads every answer.")}
	if _, err := profile.Update(ctx, db, actor, id, nil, described); err != nil {
		return fmt.Errorf("change sample profile: %w", err)
	}
	return nil
}

// seedExceptions raises a budget for a while, another one forever, and pauses a copy.
func seedExceptions(ctx context.Context, db bun.IDB, actor permission.Actor, people []identity.Holder) error {
	for i, in := range map[int]assignment.OverrideInput{
		1: {
			Row: input.Row{Kind: input.Object}, Amount: input.SampleNumber("25"), Mode: input.SampleText("cycles"),
			Cycles: input.SampleNumber("2"),
		},
		4: {Row: input.Row{Kind: input.Object}, Amount: input.SampleNumber("100"), Mode: input.SampleText("forever")},
	} {
		if i >= len(people) {
			continue
		}
		copies, err := assignment.List(ctx, db, people[i].ID)
		if err != nil {
			return err
		}
		if len(copies) == 0 || len(copies[0].Budgets) == 0 {
			continue
		}
		if _, err := assignment.SetOverride(ctx, db, actor, people[i].ID, copies[0].ID, copies[0].Budgets[0].ID,
			in); err != nil {
			return fmt.Errorf("raise a sample budget: %w", err)
		}
	}
	if len(people) < 8 {
		return nil
	}
	copies, err := assignment.List(ctx, db, people[7].ID)
	if err != nil || len(copies) == 0 {
		return err
	}
	paused := assignment.CopyInput{
		Row:      input.Row{Kind: input.Object},
		IsActive: input.Value{Kind: input.Bool, Text: "false"},
	}
	if _, err := assignment.Change(ctx, db, actor, people[7].ID, copies[0].ID, paused); err != nil {
		return fmt.Errorf("pause a sample copy: %w", err)
	}
	return nil
}
