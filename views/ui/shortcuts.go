package ui

import "strings"

// shortcut is one line of the help, and an entry of the table in which keyboard.js looks keys up. Without an act it
// describes what the browser, or the focused part of a page, does by itself.
type shortcut struct{ keys, act, does string }

func shortcutTable(nav []NavItem) []shortcut {
	table := []shortcut{
		{"Ctrl+k", "find", "Search from anywhere"},
		{"/", "press", "Filter this list, or search"},
		{"ArrowDown ArrowUp", "", "Walk through what the search found"},
	}
	for _, item := range nav {
		if item.Key != "" {
			table = append(table, shortcut{item.Key, "press", "Go to " + item.Label})
		}
	}
	return append(table,
		shortcut{"j", "row-next", "Next row of a list"},
		shortcut{"k", "row-previous", "Row before"},
		shortcut{"x", "row-select", "Select the row"},
		shortcut{"Enter", "", "Open the row"},
		shortcut{"n", "press", "New, on a list"},
		shortcut{"e", "press", "Edit, on a page with an Edit button"},
		shortcut{"Ctrl+Enter", "save", "Save the form"},
		shortcut{"?", "press", "This help"},
		shortcut{"Escape", "", "Leave the search, close a menu or dialog"},
	)
}

var keyNames = strings.NewReplacer(
	"Ctrl+", "Ctrl ", "ArrowDown", "↓", "ArrowUp", "↑", "Enter", "⏎", "Escape", "Esc",
)

// shown are the keys as they are drawn.
func (s shortcut) shown() []string {
	keys := strings.Fields(keyNames.Replace(s.keys))
	for i, key := range keys {
		if keys[0] == "Ctrl" && len(key) == 1 {
			keys[i] = strings.ToUpper(key)
		}
	}
	return keys
}
