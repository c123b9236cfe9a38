package archive

import (
	"encoding"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const csvSuffix = ".csv.zst"

// csvWriter writes rows with the columns of the Parquet file, in their order. A value that is not there is an empty
// cell, a list is in JSON.
type csvWriter[T any] struct {
	packed *zstd.Encoder
	cells  *csv.Writer
}

func newCSVWriter[T any](file io.Writer) (*csvWriter[T], error) {
	packed, err := zstd.NewWriter(file)
	if err != nil {
		return nil, err
	}
	w := &csvWriter[T]{packed: packed, cells: csv.NewWriter(packed)}
	return w, w.cells.Write(csvColumns[T]())
}

func (w *csvWriter[T]) Write(rows []T) (int, error) {
	for i, row := range rows {
		cells, err := cellsOf(row)
		if err == nil {
			err = w.cells.Write(cells)
		}
		if err != nil {
			return i, err
		}
	}
	return len(rows), nil
}

func (w *csvWriter[T]) Close() error {
	w.cells.Flush()
	return errors.Join(w.cells.Error(), w.packed.Close())
}

func csvColumns[T any]() (names []string) {
	for field := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("parquet"), ",")
		names = append(names, name)
	}
	return names
}

func cellsOf[T any](row T) (cells []string, err error) {
	for _, value := range reflect.ValueOf(row).Fields() {
		text, err := cell(value)
		if err != nil {
			return nil, err
		}
		cells = append(cells, text)
	}
	return cells, nil
}

func cell(value reflect.Value) (string, error) {
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return "", nil
		}
		value = value.Elem()
	}
	switch v := value.Interface().(type) {
	case string:
		return v, nil
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return string(text), err
	}
	text, err := json.Marshal(value.Interface())
	return strings.Trim(string(text), `"`), err
}

// csvReader reads what csvWriter wrote.
type csvReader[T any] struct {
	packed *zstd.Decoder
	cells  *csv.Reader
}

func newCSVReader[T any](file io.Reader) (*csvReader[T], error) {
	packed, err := zstd.NewReader(file)
	if err != nil {
		return nil, err
	}
	r := &csvReader[T]{packed: packed, cells: csv.NewReader(packed)}
	if header, err := r.cells.Read(); err != nil || !slices.Equal(header, csvColumns[T]()) {
		packed.Close()
		return nil, errors.Join(errors.New("it has not the columns that were written"), err)
	}
	return r, nil
}

func (r *csvReader[T]) Read(rows []T) (int, error) {
	for i := range rows {
		cells, err := r.cells.Read()
		if err != nil {
			return i, err
		}
		row := reflect.ValueOf(&rows[i]).Elem()
		for column, text := range cells {
			if err := setCell(row.Field(column), text); err != nil {
				line, _ := r.cells.FieldPos(column)
				return i, fmt.Errorf("line %d: %w", line, err)
			}
		}
	}
	return len(rows), nil
}

func (r *csvReader[T]) Close() error {
	r.packed.Close()
	return nil
}

func setCell(value reflect.Value, text string) error {
	if value.Kind() == reflect.Pointer {
		if text == "" {
			return nil
		}
		value.Set(reflect.New(value.Type().Elem()))
		value = value.Elem()
	}
	switch to := value.Addr().Interface().(type) {
	case *string:
		*to = text
		return nil
	case *[]byte:
		text = strconv.Quote(text)
	case encoding.TextUnmarshaler:
		return to.UnmarshalText([]byte(text))
	}
	return json.Unmarshal([]byte(text), value.Addr().Interface())
}
