package window

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed zones.txt
var zoneList string

const (
	zonesSuggested = 3
	zoneTypos      = 2 // letters that a name may differ in
	longestZone    = 64
)

// SuggestZones names time zones that a text may have meant, the likeliest first: europe/berlin, Berlin and Europe/Berln
// all mean Europe/Berlin.
func SuggestZones(text string) []string {
	typed := zoneKey(text)
	if typed == "" || len(typed) > longestZone {
		return nil
	}
	type candidate struct {
		name string
		far  int
	}
	var found []candidate
	for name := range strings.Lines(zoneList) {
		name = strings.TrimSpace(name)
		key := zoneKey(name)
		city := key[strings.LastIndexByte(key, '/')+1:]
		far := min(distance(typed, key), distance(typed[strings.LastIndexByte(typed, '/')+1:], city))
		if strings.HasPrefix(city, typed) {
			far = min(far, 1)
		}
		if far <= zoneTypos && far < max(len(typed), 3)/2 {
			found = append(found, candidate{name, far})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.far - b.far })
	names := []string{}
	for _, c := range found[:min(len(found), zonesSuggested)] {
		if c.far == 0 || found[0].far > 0 {
			names = append(names, c.name)
		}
	}
	return names
}

func zoneKey(text string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(text)))
}

// distance is how many letters have to be changed, added or left out to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			same := before
			if a[i] != b[j] {
				same++
			}
			before = row[j+1]
			row[j+1] = min(same, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// ZoneHint says how to name a time zone, and which one a text may have meant.
func ZoneHint(text string) string {
	hint := "Give a time zone by its IANA name, like Europe/Berlin, or none for UTC."
	if names := SuggestZones(text); len(names) > 0 {
		hint += " Did you mean " + strings.Join(names, " or ") + "?"
	}
	return hint
}
