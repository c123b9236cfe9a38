package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	openFGAPath     = "github.com/openfga/openfga/cmd/openfga"
	openFGADatabase = "openfga"
)

type fgaFields = map[string]any

// startOpenFGA starts its server on a database of its own beside the console's, with a tuple for each key: it holds a
// profile. It is asked whether it does, which is less than what the console is asked.
func (b *bench) startOpenFGA(ctx context.Context, g *gateway) (target, error) {
	db, err := g.connect(ctx)
	if err != nil {
		return target{}, err
	}
	defer db.Close(ctx)
	if _, err := db.Exec(ctx, "CREATE DATABASE "+openFGADatabase); err != nil {
		return target{}, err
	}
	storage := []string{"--datastore-engine", "postgres", "--datastore-uri", inDatabase(g.owner, openFGADatabase)}
	if err := b.runPeer(ctx, "openfga", openFGAPath, append([]string{"migrate"}, storage...)...); err != nil {
		return target{}, err
	}
	addr, err := freeAddr()
	if err != nil {
		return target{}, err
	}
	grpc, err := freeAddr()
	if err != nil {
		return target{}, err
	}
	p, err := b.startPeer(ctx, "openfga", openFGAPath, addr, "/healthz", append([]string{
		"run", "--http-addr", addr, "--grpc-addr", grpc, "--datastore-max-open-conns", "10", "--playground-enabled=false",
		"--metrics-enabled=false",
		"--log-level", "error",
	}, storage...)...)
	if err != nil {
		return target{}, err
	}
	return g.askOpenFGA(ctx, p)
}

// askOpenFGA makes a store with its model and tuples, and returns a call to it.
func (g *gateway) askOpenFGA(ctx context.Context, p *process) (target, error) {
	fga := &console{process: p} // it speaks JSON in the same way
	var made struct {
		Store string `json:"id"`
		Model string `json:"authorization_model_id"`
	}
	if _, err := fga.ask(ctx, http.MethodPost, "/stores", fgaFields{"name": "bench"}, &made); err != nil {
		return target{}, err
	}
	path := "/stores/" + made.Store
	_, err := fga.ask(ctx, http.MethodPost, path+"/authorization-models", fgaFields{
		"schema_version": "1.1",
		"type_definitions": []fgaFields{{"type": "key"}, {
			"type": "profile", "relations": fgaFields{"holder": fgaFields{"this": fgaFields{}}},
			"metadata": fgaFields{"relations": fgaFields{"holder": fgaFields{"directly_related_user_types": []fgaFields{{"type": "key"}}}}},
		}},
	}, &made)
	if err != nil {
		return target{}, err
	}
	if err := g.copyTuples(ctx, made.Store); err != nil {
		return target{}, err
	}
	holds := map[string]string{}
	for n, key := range g.keys {
		holds[key] = g.profileOf(n)
	}
	t := p.get(path + "/check")
	t.method, t.header, t.workers = http.MethodPost, http.Header{"Content-Type": {"application/json"}}, askers
	t.body = func() []byte {
		key := g.anyKey()
		return fmt.Appendf(nil, `{"authorization_model_id":%q,"tuple_key":{"user":"key:%s","relation":"holder","object":"profile:%s"}}`,
			made.Model, key, holds[key])
	}
	return t, allows(ctx, t, "allowed")
}

func (g *gateway) profileOf(n int) string {
	return strings.ReplaceAll(strings.ToLower(g.template(n).Name), " ", "-")
}

// copyTuples stores the tuples straight into the table: by its API it would take minutes.
func (g *gateway) copyTuples(ctx context.Context, store string) error {
	db, err := pgx.Connect(ctx, inDatabase(g.owner, openFGADatabase))
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	if _, err := db.Exec(ctx, "SET statement_timeout = 0; CREATE TEMP TABLE held (n bigint, key text, profile text)"); err != nil {
		return err
	}
	_, err = db.CopyFrom(ctx, pgx.Identifier{"held"}, []string{"n", "key", "profile"},
		pgx.CopyFromSlice(len(g.keys), func(n int) ([]any, error) {
			return []any{n, g.keys[n], g.profileOf(n)}, nil
		}))
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `
INSERT INTO tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at)
SELECT $1, 'profile', profile, 'holder', 'key:' || key, 'user', lpad(n::text, 26, '0'), now() FROM held`, store)
	if err == nil {
		_, err = db.Exec(ctx, "VACUUM (ANALYZE) tuple")
	}
	return err
}
