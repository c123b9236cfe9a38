package database

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Part is one of several queries that are sent as one statement, and so see one snapshot.
type Part struct {
	Query *bun.SelectQuery // its columns are those of the rows
	Rows  any              // a pointer to a slice of structs
}

// ReadTogether runs queries as one statement: each answers with an array of its rows, in its order. With is put in
// front of them, "" for nothing: common queries that they share.
func ReadTogether(ctx context.Context, db bun.IDB, with string, shared []any, parts ...Part) error {
	columns, args := make([]string, len(parts)), shared
	answers, targets := make([]string, len(parts)), make([]any, len(parts))
	for i, part := range parts {
		columns[i] = "(SELECT coalesce(json_agg(q), '[]')::text FROM (?) AS q)"
		args, targets[i] = append(args, part.Query), &answers[i]
	}
	if err := db.NewRaw(with+" SELECT "+strings.Join(columns, ",\n"), args...).Scan(ctx, targets...); err != nil {
		return err
	}
	for i, part := range parts {
		if err := decodeRows(ctx, db, answers[i], part.Rows); err != nil {
			return fmt.Errorf("read the answer of query %d: %w", i+1, err)
		}
	}
	return nil
}

// decodeRows reads an array of rows, whose names are those of columns, into a slice.
func decodeRows(ctx context.Context, db bun.IDB, answer string, into any) error {
	var found []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		return err
	}
	slice := reflect.ValueOf(into).Elem()
	table := db.Dialect().Tables().Get(slice.Type().Elem())
	rows := reflect.MakeSlice(slice.Type(), len(found), len(found))
	for i, row := range found {
		for name, value := range row {
			field, ok := table.FieldMap[name]
			if !ok {
				return fmt.Errorf("%s has no column %q", table.TypeName, name)
			}
			if err := decodeColumn(field, rows.Index(i), value); err != nil {
				return fmt.Errorf("column %s: %w", name, err)
			}
		}
		if hook, ok := rows.Index(i).Addr().Interface().(bun.AfterScanRowHook); ok {
			if err := hook.AfterScanRow(ctx); err != nil {
				return err
			}
		}
	}
	slice.Set(rows)
	return nil
}

// decodeColumn sets a field of a row. Amounts of money are whole numbers in columns, unlike in documents.
func decodeColumn(field *schema.Field, row reflect.Value, value json.RawMessage) error {
	if bytes.Equal(value, []byte("null")) {
		return nil
	}
	target := field.Value(row)
	if target.Kind() == reflect.Int64 {
		var n int64
		if err := json.Unmarshal(value, &n); err != nil {
			return err
		}
		target.SetInt(n)
		return nil
	}
	if err := json.Unmarshal(value, target.Addr().Interface()); err != nil {
		return err
	}
	switch at := target.Addr().Interface().(type) {
	case *time.Time:
		*at = at.UTC()
	case **time.Time:
		utc := (*at).UTC()
		*at = &utc
	}
	return nil
}
