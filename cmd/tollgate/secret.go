package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tollgate/models/plural"
	"tollgate/models/schema"
	"tollgate/models/secret"
)

// keys derives the keys from the secret that is set or, beside the private database, kept in its folder.
func keys(s settings) (secret.Keys, error) {
	text := s.Secret
	if text == "" {
		if err := checkSecretGiven(s); err != nil {
			return secret.Keys{}, err
		}
		var err error
		if text, err = keptSecret(filepath.Join(s.DataDir, "secret")); err != nil {
			return secret.Keys{}, fmt.Errorf("keep a secret beside the private database: %w", err)
		}
	}
	value, err := parseSecret(text)
	if err != nil {
		return secret.Keys{}, err
	}
	return secret.DeriveKeys(value)
}

// keysFor derives the keys by which a database is used. A secret other than that of the consoles at work is refused.
func (p *program) keysFor(ctx context.Context, s settings, db *db) (secret.Keys, error) {
	derived, err := keys(s)
	if err != nil {
		return derived, err
	}
	return derived, secretProblem(schema.CheckSecret(ctx, db, derived.Check))
}

// secretProblem names the setting behind a secret that another console does not have.
func secretProblem(err error) error {
	var other schema.OtherSecretError
	if errors.As(err, &other) {
		return settingError{"TOLLGATE_SECRET", other.Error()}
	}
	return err
}

// warnOfRefusedKeys tells of virtual keys that a console with these keys refuses.
func (p *program) warnOfRefusedKeys(ctx context.Context, db *db, keys secret.Keys) error {
	refused, err := schema.FindRefusedKeys(ctx, db, keys.Check)
	if err != nil {
		return err
	}
	if refused.Count > 0 {
		p.warn(db, "TOLLGATE_SECRET is not the one under which %s last changed, so they are refused. The one before was "+
			"used until %s; start the console with it, or make the keys again.",
			plural.Of(refused.Count, "virtual key was", "virtual keys were"), refused.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkSecretGiven refuses to generate a secret where other consoles would need the same one.
func checkSecretGiven(s settings) error {
	if s.Secret == "" && !s.private() {
		return settingError{"TOLLGATE_SECRET", "set it beside DATABASE_URL, to the output of: openssl rand -base64 32"}
	}
	return nil
}

func parseSecret(text string) ([]byte, error) {
	value, err := secret.ParseSecret(text)
	if err != nil {
		return nil, settingError{"TOLLGATE_SECRET", err.Error()}
	}
	return value, nil
}

// keptSecret reads the secret at path. The first caller creates it; concurrent callers get the same one, and a crash
// leaves all of it or nothing.
func keptSecret(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(kept), err
	}
	// Readable by its owner alone from the first moment.
	draft, err := os.CreateTemp(filepath.Dir(path), "secret-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(secret.NewSecret() + "\n")
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return "", err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return "", err
	}
	kept, err = os.ReadFile(path)
	return string(kept), err
}

// syncFolder makes a new name in a folder outlast a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
