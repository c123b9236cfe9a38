// Package ui has the parts that every page is built of: the frame (page, rail, top bar), fields and choices of forms,
// their problems, tables with pagers and menus, badges, icons, the chart of spending, and the formats of numbers and
// times.
//
// It knows nothing of single resources: views shape their data for these parts. Each part works without scripts, has a
// label for screen readers, and takes its colours from the tokens of the style sheet. A field's id comes from its name
// by FieldID, so that the summary of problems can link to it; Typed puts what was typed, and the first problem with it,
// into a field.
package ui
