package catalogue

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/input"
)

// priceUnit is for how many tokens the prices of a column are: a power of ten, as the header of the column says.
type priceUnit struct {
	zeros  int
	stated bool
	reason string // why the header is not understood; "" when it is
}

// priceUnits are those that can be read, by their zeros.
var priceUnits = map[int]string{0: "dollars per token", 3: "dollars per 1,000 tokens", 6: "dollars per million tokens"}

const perMillion = 6

// unitWord matches the words of a header, with numbers and the scale behind them apart.
var unitWord = regexp.MustCompile(`[0-9]+|[^\sA-Za-z0-9_()\[\]:;,.|\-]|[A-Za-z]+`)

// digitGroups are commas, points, apostrophes and spaces between groups of three digits.
var digitGroups = regexp.MustCompile(`([0-9])[,.'’ ]([0-9]{3})\b`)

var (
	scaleWords = map[string]int{
		"k": 3, "thousand": 3, "ktok": 3, "ktoken": 3, "ktokens": 3,
		"m": 6, "mm": 6, "mn": 6, "mio": 6, "million": 6, "millions": 6, "mtok": 6, "mtoken": 6, "mtokens": 6,
	}
	numbers    = map[string]int{"1": 0, "1000": 3, "1000000": 6}
	tokenWords = []string{"token", "tokens", "tok", "toks"}
	// besides are words that may follow a unit and do not change it.
	besides = []string{
		"$", "usd", "us", "dollar", "dollars", "in", "of", "input", "output", "prompt", "completion", "price", "prices",
		"cost", "costs", "cache", "cached", "read", "reads", "write", "writes", "text",
	}
	otherMoney = []string{
		"€", "eur", "euro", "euros", "£", "gbp", "pound", "pounds", "¥", "jpy", "yen", "cny", "rmb", "₹", "inr", "chf",
		"cad", "aud", "krw", "¢", "cent", "cents", "credit", "credits",
	}
)

// unitOf reads the unit in the header of a column.
func unitOf(header string) priceUnit {
	text := strings.ToLower(header)
	for digitGroups.MatchString(text) {
		text = digitGroups.ReplaceAllString(text, "$1$2")
	}
	words := unitWord.FindAllString(text, -1)
	for _, word := range words {
		if slices.Contains(otherMoney, word) {
			return priceUnit{reason: "in dollars: prices are kept in dollars only"}
		}
	}
	for i, word := range words {
		if word == "per" || word == "/" {
			return amountOf(words[i+1:], true)
		}
	}
	for i, word := range words {
		if _, number := strconv.Atoi(word); number == nil || scaleWords[word] > 0 {
			return amountOf(words[i:], false)
		}
	}
	return priceUnit{zeros: perMillion}
}

// amountOf reads how many tokens words name: 1K tokens, 1000, million, MTok, token.
func amountOf(words []string, per bool) priceUnit {
	unknown := priceUnit{reason: "per token, per 1K tokens or per 1M tokens"}
	unit, read := priceUnit{stated: true}, 0
	next := func() string {
		if read < len(words) {
			return words[read]
		}
		return ""
	}
	if _, err := strconv.Atoi(next()); err == nil {
		zeros, known := numbers[next()]
		if !known {
			return unknown
		}
		unit.zeros, read = zeros, read+1
	}
	if scale := scaleWords[next()]; scale > 0 {
		unit.zeros, read = unit.zeros+scale, read+1
	}
	named := read > 0
	for slices.Contains(besides, next()) {
		read++
	}
	if slices.Contains(tokenWords, next()) {
		named = true
		read++
	}
	_, known := priceUnits[unit.zeros]
	if !named || !known || next() != "" && !slices.Contains(besides, next()) || !per && unit.zeros == 0 {
		return unknown
	}
	return unit
}

// settleUnits gives every column of prices its unit. It returns what is wrong with the header; "" when it is clear.
func (t *priceTable) settleUnits(names []string) string {
	t.units = make([]priceUnit, len(names))
	stated := 0
	prices := 0
	for i, name := range names {
		t.units[i] = unitOf(name)
		if t.columns[i] == otherColumn || t.columns[i] == modelColumn {
			if columnOfUnits.MatchString(name) || t.columns[i] == modelColumn && t.units[i].stated {
				return "Write the unit into the header of each price, such as Input per 1M tokens, instead of " +
					strconv.Quote(name) + "."
			}
			continue
		}
		if why := t.units[i].reason; why != "" {
			return "Give the prices under " + strconv.Quote(name) + " " + why + ". Without a unit they are per million tokens."
		}
		prices++
		if t.units[i].stated {
			stated++
		}
	}
	if stated > 0 && stated < prices {
		return "Name the unit in the header of every price or of none; without one they are per million tokens."
	}
	return ""
}

// columnOfUnits matches the header of a column whose rows say the unit.
var columnOfUnits = regexp.MustCompile(`(?i)^\W*(unit|units|per|basis|currency)\W*$`)

// convert writes a price for a million tokens, by moving its point.
func (u priceUnit) convert(text string) input.Value {
	if u.zeros == perMillion || text == "" {
		return input.FormValue(text)
	}
	parts := plainPrice.FindStringSubmatch(text)
	if parts == nil {
		return input.FormValue("?" + text) // no number for any unit
	}
	exponent, _ := strconv.Atoi(parts[3])
	digits, point := parts[1]+parts[2], len(parts[1])+exponent+perMillion-u.zeros
	if short := 1 - point; short > 0 {
		digits, point = strings.Repeat("0", short)+digits, 1
	}
	if short := point - len(digits); short > 0 {
		digits += strings.Repeat("0", short)
	}
	whole, fraction := digits[:point], strings.TrimRight(digits[point:], "0")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return input.FormValue(whole)
}

// plainPrice is a price without groups of digits: with them, 0,002 could be two thousandths or two.
var plainPrice = regexp.MustCompile(`^\$?\s*([0-9]{1,12})(?:\.([0-9]{0,30}))?(?:[eE]([-+]?[0-9]{1,2}))?\s*\$?$`)

// ReadAs says how the prices of a form were read; "" when they stand there as they are kept.
func ReadAs(text string) string {
	said := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		table := priceTable{}
		if !table.heads(strings.TrimSpace(line)) || table.problem != "" {
			continue
		}
		for i, unit := range table.units {
			if table.columns[i] > modelColumn && unit.zeros != perMillion {
				said[priceUnits[unit.zeros]] = true
			}
		}
	}
	words := []string{}
	for _, zeros := range []int{3, 0} {
		if said[priceUnits[zeros]] {
			words = append(words, priceUnits[zeros])
		}
	}
	return strings.Join(words, " and ")
}
