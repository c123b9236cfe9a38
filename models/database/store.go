package database

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// Store is a statement that stores rows of one table. Its text depends on the table and the names alone, so that the
// server plans it once a connection. With a conflict, such as "(id)", of rows that exist only the columns named change.
func Store[T any](tx Tx, rows []T, conflict string, columns ...string) (Statement, error) {
	table := tx.Dialect().Tables().Get(reflect.TypeFor[T]())
	values := make([]map[string]any, len(rows))
	for i := range rows {
		row := reflect.ValueOf(&rows[i]).Elem()
		values[i] = make(map[string]any, len(table.Fields))
		for _, field := range table.Fields {
			if value := field.Value(row); !field.NullZero || !value.IsZero() {
				values[i][field.Name] = value.Interface()
			}
		}
	}
	document, err := json.Marshal(values)
	if err != nil {
		return Statement{}, fmt.Errorf("write rows of %s: %w", table.Name, err)
	}
	names := make([]string, len(table.Fields))
	for i, field := range table.Fields {
		names[i] = strconv.Quote(field.Name)
	}
	list := strings.Join(names, ", ")
	query := "INSERT INTO " + table.Name + " (" + list + ") SELECT " + list + " FROM json_populate_recordset(NULL::" +
		table.Name + ", $1::json)"
	if conflict != "" {
		sets := make([]string, len(columns))
		for i, column := range columns {
			sets[i] = column + " = EXCLUDED." + column
		}
		query += " ON CONFLICT " + conflict + " DO UPDATE SET " + strings.Join(sets, ", ")
	}
	return Statement{query, []any{string(document)}}, nil
}

// ExecPlanned sends planned statements at once, and waits for all of them.
func (tx Tx) ExecPlanned(ctx context.Context, statements ...Statement) error {
	if len(statements) == 0 {
		return nil
	}
	return pipelined(ctx, tx.Tx, statements)
}

func pipelined(ctx context.Context, tx bun.Tx, statements []Statement) error {
	queries := make([]string, len(statements))
	for i, s := range statements {
		queries[i] = s.query
	}
	_, err := tx.ExecContext(context.WithValue(ctx, pipelinedKey{}, statements), strings.Join(queries, ";\n"))
	return err
}
