package ui

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Longer texts, and more lines, are not compared word by word.
const (
	mostWords = 2_000
	mostLines = 200
)

// alike is the share of words that two lines have in common when one is taken for a change of the other.
const alike = 0.4

// DiffLine is a line of one side of a comparison.
type DiffLine []DiffSpan

// DiffSpan is a part of a line; a Changed one is not on the other side.
type DiffSpan struct {
	Text    string
	Changed bool
}

// PlainLine is a line that is compared with none.
func PlainLine(text string) DiffLine { return DiffLine{{Text: text}} }

// CompareLines marks what each side has and the other lacks: single words in a changed line, otherwise whole lines.
func CompareLines(before, after []string) (was, is []DiffLine) {
	gone, come := lacking(before, after), lacking(after, before)
	was, is = wholeLines(before, gone), wholeLines(after, come)
	if len(gone) > mostLines || len(come) > mostLines {
		return was, is
	}
	cut := map[string][]string{}
	for _, line := range slices.Concat(before, after) {
		cut[line] = words(line)
	}
	for _, i := range gone {
		best, share := -1, 0.0
		for n, j := range come {
			if in := common(cut[before[i]], cut[after[j]]); in >= alike && in > share {
				best, share = n, in
			}
		}
		if best >= 0 {
			was[i], is[come[best]] = compareWords(cut[before[i]], cut[after[come[best]]])
			come = slices.Delete(come, best, best+1)
		}
	}
	return was, is
}

// lacking are the indexes of the lines that other does not have.
func lacking(lines, other []string) []int {
	has := map[string]bool{}
	for _, line := range other {
		has[line] = true
	}
	var places []int
	for i, line := range lines {
		if !has[line] {
			places = append(places, i)
		}
	}
	return places
}

func wholeLines(lines []string, changed []int) []DiffLine {
	var marked []DiffLine
	for i, line := range lines {
		marked = append(marked, DiffLine{{Text: line, Changed: slices.Contains(changed, i)}})
	}
	return marked
}

// common is the share of words that two lines have in common, from 0 to 1.
func common(left, right []string) float64 {
	counts, shared, total := map[string]int{}, 0, 0
	for _, word := range left {
		if isWord(word) {
			counts[word]++
			total++
		}
	}
	for _, word := range right {
		if !isWord(word) {
			continue
		}
		total++
		if counts[word] > 0 {
			counts[word]--
			shared++
		}
	}
	return 2 * float64(shared) / float64(max(1, total))
}

// compareWords marks the words of each line that the other lacks.
func compareWords(left, right []string) (was, is DiffLine) {
	if len(left)+len(right) > mostWords {
		return DiffLine{{strings.Join(left, ""), true}}, DiffLine{{strings.Join(right, ""), true}}
	}
	letters := alphabet{of: map[string]rune{}}
	compare := diffmatchpatch.New()
	compare.DiffTimeout = 0 // the same texts give the same answer on a busy machine
	parts := compare.DiffMainRunes(letters.spell(left), letters.spell(right), false)
	for _, part := range compare.DiffCleanupSemantic(parts) {
		text := letters.read(part.Text)
		switch part.Type {
		case diffmatchpatch.DiffDelete:
			was = was.mark(text)
		case diffmatchpatch.DiffInsert:
			is = is.mark(text)
		default:
			was, is = append(was, DiffSpan{Text: text}), append(is, DiffSpan{Text: text})
		}
	}
	return was, is
}

// mark adds a text that the other side lacks; the space around words is not marked.
func (l DiffLine) mark(text string) DiffLine {
	inner := strings.TrimSpace(text)
	if inner == "" {
		inner = text
	}
	before, after, _ := strings.Cut(text, inner)
	return append(l, DiffSpan{Text: before}, DiffSpan{inner, true}, DiffSpan{Text: after})
}

// alphabet has a letter for each word, so that a comparison of letters is one of words.
type alphabet struct {
	of    map[string]rune
	words []string
}

const firstLetter = '\uE000' // of those that Unicode leaves to private use

func (a *alphabet) spell(words []string) []rune {
	var letters []rune
	for _, word := range words {
		letter, known := a.of[word]
		if !known {
			letter = firstLetter + rune(len(a.words))
			a.of[word], a.words = letter, append(a.words, word)
		}
		letters = append(letters, letter)
	}
	return letters
}

func (a *alphabet) read(letters string) string {
	var text strings.Builder
	for _, letter := range letters {
		text.WriteString(a.words[letter-firstLetter])
	}
	return text.String()
}

// words cuts a text into words and what is between them. Names of models and amounts of money are one word each.
func words(text string) []string { return wordOrOther.FindAllString(text, -1) }

var wordOrOther = regexp.MustCompile(`(?s)[\p{L}\p{N}$@_-]+(?:\.[\p{L}\p{N}_-]+|,\p{N}+)*|\s+|.`)

func isWord(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}
