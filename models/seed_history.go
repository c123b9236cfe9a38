package models

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"
)

// seedHistory lets something happen in the sample company: profiles assigned to single people, a profile changed and pushed to some, a
// budget raised, a copy paused. It is for profiles and people that were just added.
func seedHistory(ctx context.Context, db *bun.DB, keys Keys, actor Actor, profiles map[string]int64, emails []string, now time.Time) error {
	people, err := usersByEmail(ctx, db, emails)
	if err != nil {
		return err
	}
	for _, direct := range []struct {
		profile string
		every   int
		first   int
		days    int // until it ends; 0 for ever
	}{{"Platform team", 12, 3, 0}, {"Interns", 40, 20, 45}, {"Legal", 60, 55, 0}, {"Marketing", 50, 10, 120}} {
		for i := direct.first; i < len(people); i += direct.every {
			if err := seedAssignment(ctx, db, keys, actor, people[i].ID, profiles[direct.profile], now, direct.days); err != nil {
				return err
			}
		}
	}
	if err := seedUsage(ctx, db, people, now); err != nil {
		return err
	}
	if err := seedPush(ctx, db, actor, profiles["Support"], people); err != nil {
		return err
	}
	return seedExceptions(ctx, db, actor, people)
}

func usersByEmail(ctx context.Context, db bun.IDB, emails []string) ([]holder, error) {
	people := make([]holder, len(emails))
	for i, email := range emails {
		if err := db.NewRaw("SELECT id, email FROM users WHERE email_key = ?", FoldCase(email)).Scan(ctx, &people[i]); err != nil {
			return nil, fmt.Errorf("look up sample user %s: %w", email, err)
		}
	}
	return people, nil
}

func seedAssignment(ctx context.Context, db bun.IDB, keys Keys, actor Actor, user string, profile int64, now time.Time, days int) error {
	if profile == 0 {
		return nil
	}
	in := AssignInput{AccessProfileID: sampleNumber(fmt.Sprint(profile))}
	if days > 0 {
		in.ExpiresAt = sampleText(now.AddDate(0, 0, days).Truncate(time.Hour).Format(time.RFC3339))
	}
	if _, _, err := AssignAccessProfile(ctx, db, keys, actor, user, in); err != nil {
		return fmt.Errorf("assign sample profile %d: %w", profile, err)
	}
	return nil
}

// seedPush changes a profile twice and pushes the first change to some of its holders, so that the others are behind.
func seedPush(ctx context.Context, db *bun.DB, actor Actor, id int64, people []holder) error {
	if id == 0 {
		return nil
	}
	tighter := AccessProfileInput{Budgets: listOf([]string{"12/1d", "300/1M"}, sampleBudget)}
	if _, err := UpdateAccessProfile(ctx, db, actor, id, nil, tighter); err != nil {
		return fmt.Errorf("change sample profile: %w", err)
	}
	in := PropagationInput{Fields: listOf([]string{"budgets"}, sampleText), UserIDs: List[Value]{Kind: Array}}
	for i, person := range people {
		if i%2 == 0 {
			in.UserIDs.Items = append(in.UserIDs.Items, sampleText(person.ID))
		}
	}
	job, err := StartPropagation(ctx, db, actor, id, nil, in)
	if err != nil {
		return fmt.Errorf("push sample profile: %w", err)
	}
	if err := NewPropagator(db, slog.New(slog.DiscardHandler)).Work(ctx, job); err != nil {
		return fmt.Errorf("push sample profile: %w", err)
	}
	described := AccessProfileInput{Description: sampleText("Answers customers with small, quick models. Drafts only: a person reads every answer.")}
	if _, err := UpdateAccessProfile(ctx, db, actor, id, nil, described); err != nil {
		return fmt.Errorf("change sample profile: %w", err)
	}
	return nil
}

// seedExceptions raises a budget for a while, another for good, and pauses a copy.
func seedExceptions(ctx context.Context, db bun.IDB, actor Actor, people []holder) error {
	for i, in := range map[int]OverrideInput{
		1: {Row: Row{Kind: Object}, Amount: sampleNumber("25"), Mode: sampleText("cycles"), Cycles: sampleNumber("2")},
		4: {Row: Row{Kind: Object}, Amount: sampleNumber("100"), Mode: sampleText("forever")},
	} {
		if i >= len(people) {
			continue
		}
		copies, err := ListUserAccessProfiles(ctx, db, people[i].ID)
		if err != nil {
			return err
		}
		if len(copies) == 0 || len(copies[0].Budgets) == 0 {
			continue
		}
		if _, err := SetOverride(ctx, db, actor, people[i].ID, copies[0].ID, copies[0].Budgets[0].ID, in); err != nil {
			return fmt.Errorf("raise a sample budget: %w", err)
		}
	}
	if len(people) < 8 {
		return nil
	}
	copies, err := ListUserAccessProfiles(ctx, db, people[7].ID)
	if err != nil || len(copies) == 0 {
		return err
	}
	paused := CopyInput{Row: Row{Kind: Object}, IsActive: Value{Kind: Bool, Text: "false"}}
	if _, err := ChangeUserAccessProfile(ctx, db, actor, people[7].ID, copies[0].ID, paused); err != nil {
		return fmt.Errorf("pause a sample copy: %w", err)
	}
	return nil
}
