package catalogue

import (
	"strconv"
	"strings"

	"tollgate/models/input"
)

// PriceLines reads the prices of a form, one a line: the model, the price of a million input tokens, the price of a
// million output tokens, and optionally "read" and "write" with the price of a million tokens read from or written to
// a cache. Spaces inside a name are kept. Lines pasted from a table of comma-separated values are read too, in the unit
// that the header names. The key of a price is the number of its line.
func PriceLines(text string) input.List[ModelPriceInput] {
	prices := input.List[ModelPriceInput]{Kind: input.Array}
	table := priceTable{columns: priceColumns}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		at := input.Row{Kind: input.Object, Key: strconv.Itoa(i + 1)}
		if line == "" {
			continue
		}
		if table.heads(line) {
			if table.problem != "" {
				prices.Items = append(prices.Items, ModelPriceInput{Row: at, unread: table.problem})
			}
			continue
		}
		if row, found := table.row(line); found {
			row.Row = at
			prices.Items = append(prices.Items, row)
			continue
		}
		row := ModelPriceInput{Row: at}
		line = row.cutCachePrices(line)
		row.Model = input.FormValue(line)
		if model, last, found := cutLastWord(line); found {
			row.Model, row.Input = input.FormValue(model), input.FormValue(last)
			if name, in, found := cutLastWord(model); found {
				row.Model, row.Input, row.Output = input.FormValue(name), input.FormValue(in), input.FormValue(last)
			}
		}
		prices.Items = append(prices.Items, row)
	}
	return prices
}

// cutCachePrices takes the prices of caches off the end of a line.
func (in *ModelPriceInput) cutCachePrices(line string) string {
	for range 2 {
		before, price, _ := cutLastWord(line)
		rest, label, found := cutLastWord(before)
		switch {
		case found && label == "read" && in.CacheRead.Kind == input.Absent:
			in.CacheRead = input.FormValue(price)
		case found && label == "write" && in.CacheWrite.Kind == input.Absent:
			in.CacheWrite = input.FormValue(price)
		default:
			return line
		}
		line = rest
	}
	return line
}

// cutLastWord takes the last word off a line that has more than one.
func cutLastWord(line string) (before, last string, found bool) {
	i := strings.LastIndexAny(line, " \t")
	if i < 0 {
		return line, "", false
	}
	return strings.TrimSpace(line[:i]), line[i+1:], true
}

// Lines are the prices as the text of a form: as they were typed, or as they are stored.
func (in ProviderInput) Lines() string {
	if in.PriceLines.FromForm {
		return in.PriceLines.Text
	}
	lines := make([]string, len(in.Prices.Items))
	for i, price := range in.Prices.Items {
		lines[i] = strings.TrimSpace(price.Model.Text + " " + price.Input.Text + " " + price.Output.Text)
		if price.CacheRead.Given() {
			lines[i] += " read " + price.CacheRead.Text
		}
		if price.CacheWrite.Given() {
			lines[i] += " write " + price.CacheWrite.Text
		}
	}
	return strings.Join(lines, "\n")
}
