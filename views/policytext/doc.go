// Package policytext writes policies and limits in words: what a profile lets its holders do (Sentences), its fields
// as lines that can be compared (FieldLines), its budgets and rates as lists show them, and each limit of a copy as a
// bar (LimitLines).
//
// A limit is called the same on every page: its scope ("Overall", or a provider), its amount, its window.
package policytext
