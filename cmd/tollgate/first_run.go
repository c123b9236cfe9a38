package main

import (
	"context"
	"errors"
	"fmt"

	"tollgate/models/password"
	"tollgate/models/problem"
	"tollgate/models/sample"
)

// firstRun returns the token of the link that creates the first administrator, or "" when a user can sign in already. An
// administrator named in the environment needs no link.
func (p *program) firstRun(ctx context.Context, s settings, db *db) (string, error) {
	if s.AdminEmail != "" {
		created, err := sample.CreateEnvAdmin(ctx, db.DB, &password.Hasher{}, s.AdminEmail, s.AdminPassword)
		if err != nil {
			return "", adminProblem(err)
		}
		if created {
			p.log.Info("made the first administrator", "email", s.AdminEmail)
		}
	}
	token, err := sample.NewFirstRunLink(ctx, db.DB)
	if err != nil {
		return "", fmt.Errorf("make the first-run link: %w", err)
	}
	return token, nil
}

// adminProblem names the setting behind a problem with the administrator it describes.
func adminProblem(err error) error {
	var refusal *problem.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != problem.Invalid && refusal.Reason != problem.Conflict {
		return fmt.Errorf("make the administrator of TOLLGATE_ADMIN_EMAIL: %w", err)
	}
	name := "TOLLGATE_ADMIN_EMAIL"
	if refusal.Problems[0].Field == "password" {
		name = "TOLLGATE_ADMIN_PASSWORD"
	}
	return settingError{name, refusal.Problems[0].Message}
}
