package database

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"tollgate/models/problem"
)

// session are the limits of every session.
var session = map[string]string{
	"statement_timeout":                   "5s",
	"lock_timeout":                        "2s",
	"idle_in_transaction_session_timeout": "10s",
}

// startup are the parameters that a pooler takes when a session starts; it refuses others.
var startup = []string{
	"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings", "options",
}

// prepareSession sets the parameters of each session: those that poolers take when it starts, the others by a statement
// of its own. Behind a pooler that changes sessions such a statement would concern others, so that the role has to have
// the limits.
func prepareSession(config *pgx.ConnConfig, pooler bool) {
	if _, chosen := config.RuntimeParams["application_name"]; !chosen {
		config.RuntimeParams["application_name"] = "tollgate"
	}
	config.RuntimeParams["timezone"] = "UTC"
	if pooler {
		return
	}
	settings := maps.Clone(session)
	for name, value := range config.RuntimeParams {
		if !slices.Contains(startup, strings.ToLower(name)) {
			settings[name] = value
			delete(config.RuntimeParams, name)
		}
	}
	var names, values []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		names, values = append(names, name), append(values, settings[name])
	}
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		return conn.ExecParams(ctx, "SELECT set_config(n, v, false) FROM unnest($1::text[], $2::text[]) AS s(n, v)",
			[][]byte{arrayText(names), arrayText(values)}, nil, nil, nil).Read().Err
	}
}

// Limit is a limit of each session.
type Limit struct{ Name, Value string }

// Unlimited are the limits that the sessions of db do not have.
func Unlimited(ctx context.Context, db bun.IDB) (without []Limit, err error) {
	for _, name := range slices.Sorted(maps.Keys(session)) {
		var value string
		if err := db.NewRaw("SELECT current_setting(?)", name).Scan(ctx, &value); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if value == "0" {
			without = append(without, Limit{name, session[name]})
		}
	}
	return without, nil
}

// arrayText is an array of texts as the server reads it.
func arrayText(texts []string) []byte {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	}
	return []byte("{" + strings.Join(quoted, ",") + "}")
}

// refuseStandby refuses servers that repeat what another one does. Of several only one that takes writes will do.
func refuseStandby(several bool) pgconn.ValidateConnectFunc {
	query := "SELECT pg_is_in_recovery()"
	if several {
		query += " OR current_setting('transaction_read_only')::boolean"
	}
	return func(ctx context.Context, conn *pgconn.PgConn) error {
		result := conn.ExecParams(ctx, query, nil, nil, nil, nil).Read()
		if result.Err != nil {
			return fmt.Errorf("ask whether the server is a standby: %w", result.Err)
		}
		if string(result.Rows[0][0]) == "t" {
			return problem.StandbyError{}
		}
		return nil
	}
}
