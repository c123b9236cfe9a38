package catalogue

import (
	"encoding/csv"
	"strings"

	"tollgate/models/input"
)

// priceColumn is what a column of a pasted table is.
type priceColumn uint8

const (
	otherColumn priceColumn = iota
	modelColumn
	inputColumn
	outputColumn
	cacheReadColumn
	cacheWriteColumn
)

// priceColumns are those of a table without a header.
var priceColumns = []priceColumn{modelColumn, inputColumn, outputColumn, cacheReadColumn, cacheWriteColumn}

// priceTable reads lines of comma-, semicolon- or tab-separated values. A header says what its columns are, and with
// which character they are separated.
type priceTable struct {
	columns   []priceColumn
	units     []priceUnit // of the columns; none without a header
	problem   string      // what is wrong with the header
	separator rune        // 0 without a header
}

// heads reports whether a line is a header, and then follows it.
func (t *priceTable) heads(line string) bool {
	for _, separator := range "\t;," {
		columns := []priceColumn{}
		found := map[priceColumn]bool{}
		names := cells(line, separator)
		for _, name := range names {
			column := columnNamed(strings.ToLower(name))
			if found[column] {
				column = otherColumn
			}
			found[column] = true
			columns = append(columns, column)
		}
		if found[modelColumn] && found[inputColumn] && found[outputColumn] {
			t.columns, t.separator = columns, separator
			t.problem = t.settleUnits(names)
			return true
		}
	}
	return false
}

func columnNamed(name string) priceColumn {
	for _, known := range []struct {
		word   string
		column priceColumn
	}{
		{"read", cacheReadColumn},
		{"cached", cacheReadColumn},
		{"write", cacheWriteColumn},
		{"input", inputColumn},
		{"output", outputColumn},
		{"prompt", inputColumn},
		{"completion", outputColumn},
		{"model", modelColumn},
		{"name", modelColumn},
	} {
		if strings.Contains(name, known.word) {
			return known.column
		}
	}
	return otherColumn
}

// row reads a line of the table; without a header a line is one when its prices have no space inside, as those of the
// other form have.
func (t *priceTable) row(line string) (ModelPriceInput, bool) {
	separators := "\t;,"
	if t.separator != 0 {
		separators = string(t.separator)
	}
	for _, separator := range separators {
		parts := cells(line, separator)
		if t.separator == 0 && (len(parts) < 3 || strings.ContainsAny(strings.Join(parts[1:], ""), " \t")) {
			continue
		}
		row := ModelPriceInput{}
		for i, part := range parts[:min(len(parts), len(t.columns))] {
			if field := row.field(t.columns[i]); field != nil {
				*field = input.FormValue(part)
				if len(t.units) > 0 && t.columns[i] != modelColumn {
					*field = t.units[i].convert(part)
				}
			}
		}
		row.Model.FromForm = false // a cell of its own: it ends where it says
		return row, true
	}
	return ModelPriceInput{}, false
}

func (in *ModelPriceInput) field(column priceColumn) *input.Value {
	switch column {
	case modelColumn:
		return &in.Model
	case inputColumn:
		return &in.Input
	case outputColumn:
		return &in.Output
	case cacheReadColumn:
		return &in.CacheRead
	case cacheWriteColumn:
		return &in.CacheWrite
	}
	return nil
}

// cells splits a line of a table, with quotes around cells that have the separator inside.
func cells(line string, separator rune) []string {
	reader := csv.NewReader(strings.NewReader(line))
	reader.Comma, reader.LazyQuotes, reader.TrimLeadingSpace = separator, true, separator != '\t'
	parts, err := reader.Read()
	if err != nil {
		return []string{line}
	}
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	return parts
}
