package input

import "strings"

// LoneSurrogate reports a \u escape of half a pair, which the decoder would replace silently.
func LoneSurrogate(raw []byte) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if raw[i+1] != 'u' {
			i++
			continue
		}
		switch half := surrogate(raw[i:]); half {
		case low:
			return true
		case high:
			if surrogate(raw[i+6:]) != low {
				return true
			}
			i += 6
		}
		i += 5
	}
	return false
}

const (
	none = iota
	high
	low
)

// surrogate tells which half of a pair, if any, the escape at the start of raw is.
func surrogate(raw []byte) int {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' || raw[2] != 'd' && raw[2] != 'D' {
		return none
	}
	switch {
	case strings.IndexByte("89abAB", raw[3]) >= 0:
		return high
	case strings.IndexByte("cdefCDEF", raw[3]) >= 0:
		return low
	}
	return none
}
