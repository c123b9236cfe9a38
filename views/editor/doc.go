// Package editor shows one profile: as a form (Editor, Form, Body), as a page to read (ProfileRead), and as two forms
// side by side after a save of another user (EditConflict).
//
// The form keeps what was typed as it was typed. A formBuilder makes every field and remembers which input stands for
// which path of the JSON, so that the summary of problems leads to it; the templates only print. Names of repeated rows
// hold a key that no other row takes over.
package editor
