package telemetry

import (
	"math"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/money"
)

// amount is a number of tokens or dollars as it was sent. Text that is a number counts as one, because some gateways
// can write attributes as text alone, such as Envoy its custom tags. What is no number stays what it is, so that it is
// rejected.
func amount(v input.Value) input.Value {
	if v.Kind == input.String && money.IsJSONNumber(v.Text) {
		v.Kind = input.Number
	}
	return v
}

// count is an amount of tokens. Some libraries write whole numbers as doubles.
func count(v input.Value) input.Value {
	v = amount(v)
	if v.Kind != input.Number || !strings.ContainsAny(v.Text, ".eE") {
		return v
	}
	if n, err := strconv.ParseFloat(v.Text, 64); err == nil && n == math.Trunc(n) && math.Abs(n) <= input.MaxCount {
		v.Text = strconv.FormatInt(int64(n), 10)
	}
	return v
}

// counted is the number of tokens that a count is, 0 when it is left out. It reports false for what is no count.
func counted(v input.Value) (int64, bool) {
	if v.Kind == input.Absent {
		return 0, true
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if v.Kind != input.Number || err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

// zero reports amounts that are all left out or 0.
func zero(amounts ...input.Value) bool {
	for _, v := range amounts {
		n, err := strconv.ParseFloat(v.Text, 64)
		if v.Kind != input.Absent && (v.Kind != input.Number || err != nil || n != 0) {
			return false
		}
	}
	return true
}
