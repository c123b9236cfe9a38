// Package handout has the pages on which a profile is given to many users at once.
package handout
