package ui

import (
	"slices"
	"time"
)

// AgoFrom is Ago with a fixed now.
func AgoFrom(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return Ago(t, now) }
}

// UpperFirst starts a sentence with a word.
func UpperFirst(word string) string { return string(word[0]&^0x20) + word[1:] }

// LowerFirst is a label inside a sentence.
func LowerFirst(text string) string {
	if len(text) > 1 && text[1] >= 'A' && text[1] <= 'Z' {
		return text // an abbreviation
	}
	return string(text[0]|0x20) + text[1:]
}

// PickedFirst puts those of the offered names first that were picked.
func PickedFirst(offered, picked []string) []string {
	isPicked := func(name string) bool { return slices.Contains(picked, name) }
	first := slices.DeleteFunc(slices.Clone(offered), func(name string) bool { return !isPicked(name) })
	return append(first, slices.DeleteFunc(slices.Clone(offered), isPicked)...)
}
