package addresses

import (
	"mime"
	"regexp"
	"strings"
)

// Entry is one address, as it was written and as it was understood.
type Entry struct {
	Text    string // on one line; reading it again gives the same entry
	Name    string // "" without one
	Address string // not checked; the text itself when there is none in it
}

// Read reads entries with new lines, semicolons or commas between. A comma may also be part of a name, as in
// Weber, Anna <a@example.com>: what has no address belongs to the address in angle brackets that follows it.
func Read(text string) []Entry {
	var entries []Entry
	for line := range strings.SplitSeq(plain.Replace(text), "\n") {
		for _, part := range cut(withoutTabs(line), ';') {
			entries = append(entries, readPart(part)...)
		}
	}
	return entries
}

// plain writes quotation marks and line ends in one way, and drops marks that are not seen.
var plain = strings.NewReplacer(
	"\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u00a0", " ",
	"\u200b", "", "\u200e", "", "\u200f", "", "\u202a", "", "\u202c", "", "\ufeff", "",
)

// withoutTabs reads a line that was copied from a table: a name and an address, or several addresses.
func withoutTabs(line string) string {
	if !strings.Contains(line, "\t") {
		return line
	}
	var names, addresses []string
	for cell := range strings.SplitSeq(line, "\t") {
		switch cell = strings.TrimSpace(cell); {
		case strings.Contains(cell, "@"):
			addresses = append(addresses, cell)
		case cell != "":
			names = append(names, cell)
		}
	}
	if len(names) > 0 && len(addresses) == 1 && !strings.Contains(addresses[0], "<") {
		return strings.Join(names, " ") + " <" + addresses[0] + ">"
	}
	return strings.Join(append(names, addresses...), ", ")
}

// cut splits a text at a separator and behind each address in angle brackets, but not within quotation marks.
func cut(text string, separator byte) (parts []string) {
	start, quoted, address := 0, false, false
	for i := range len(text) {
		switch at := text[i]; {
		case at == '"' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted && strings.Contains(text[i+1:], `"`)
		case quoted:
		case at == '@':
			address = true
		case at == separator, at == '>' && address:
			end := i
			if at == '>' {
				end++
			}
			parts, start, address = append(parts, text[start:end]), i+1, false
		}
	}
	return append(parts, text[start:])
}

// mostBefore is how many commas a name may have: Weber, Anna and King, Martin, Jr. have one or two.
const mostBefore = 2

func readPart(part string) (entries []Entry) {
	var before []string // without an address so far
	for _, piece := range cut(part, ',') {
		piece = strings.TrimSpace(piece)
		switch {
		case piece == "":
			continue
		case !strings.Contains(piece, "@"):
			before = append(before, piece)
			continue
		case strings.HasSuffix(piece, ">") && len(before) > 0 && len(before) <= mostBefore:
			piece = strings.Join(append(before, piece), ", ")
		case len(before) == 1 && strings.HasPrefix(before[0], `"`) && !strings.ContainsAny(piece, " <"):
			piece = before[0] + " <" + piece + ">"
		default:
			entries = append(entries, unread(before)...)
		}
		before, entries = nil, append(entries, readPiece(piece))
	}
	return append(entries, unread(before)...)
}

// unread are pieces without an address.
func unread(pieces []string) (entries []Entry) {
	for _, piece := range pieces {
		entries = append(entries, Entry{Text: piece, Address: piece})
	}
	return entries
}

// behind is an address with the name in brackets behind it.
var behind = regexp.MustCompile(`^(\S+@\S+)\s+\(([^()]*)\)$`)

// readPiece reads a name with an address in angle brackets behind it, an address with the name in brackets behind it,
// or an address alone. Other words beside one may be part of an address that was mistyped.
func readPiece(piece string) Entry {
	if at := strings.LastIndexByte(piece, '<'); at >= 0 && strings.HasSuffix(piece, ">") {
		return entry(piece, piece[:at], piece[at+1:len(piece)-1])
	}
	if found := behind.FindStringSubmatch(piece); found != nil {
		return entry(piece, found[2], found[1])
	}
	piece = header.ReplaceAllString(piece, "")
	if strings.ContainsAny(piece, " \t") {
		return Entry{Text: piece, Address: piece}
	}
	return entry(piece, "", piece)
}

// link is what programs put before an address that can be clicked.
var link = regexp.MustCompile(`(?i)^mailto:`)

// header begins a line that was copied with the head of a mail.
var header = regexp.MustCompile(`(?i)^(to|cc|bcc|from):\s*`)

func entry(text, name, address string) Entry {
	e := Entry{Text: text, Address: strings.Trim(strings.TrimSpace(address), `'"`)}
	if link.MatchString(e.Address) {
		e.Address = link.ReplaceAllString(e.Address, "")
		if end := strings.IndexAny(e.Address, "?|"); end >= 0 {
			e.Address = e.Address[:end]
		}
	}
	name = header.ReplaceAllString(strings.TrimSpace(name), "")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(name); err == nil {
		name = decoded
	}
	name = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.Trim(name, `"'`))
	if name = strings.TrimSpace(name); !strings.EqualFold(link.ReplaceAllString(name, ""), e.Address) {
		e.Name = name
	}
	return e
}
