package configdoc

import (
	"slices"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// Keep is a document with what it leaves out of another one: entries of its lists, and limits. They stand in the order
// of the other. left reports whether there were any; without, the document is as it was.
func Keep(is, was configfile.Node) (kept configfile.Node, left bool) {
	switch {
	case was.Kind == input.Array && len(was.Items) > 0 && (is.Kind == input.Array || is.Kind == input.Absent):
		return keepItems(is, was)
	case was.Kind == input.Object && is.Kind == input.Absent:
		return was, true
	case was.Kind == input.Object && is.Kind == input.Object:
		return keepMembers(is, was)
	}
	return is, false
}

func keepMembers(is, was configfile.Node) (kept configfile.Node, left bool) {
	kept = is
	kept.Members = slices.Clone(is.Members)
	for _, m := range was.Members {
		value, there := is.Get(m.Name)
		whole, more := Keep(value, m.Node)
		if !more {
			continue
		}
		left = true
		if !there {
			kept.Members = append(kept.Members, member(m.Name, whole))
			continue
		}
		at := slices.IndexFunc(kept.Members, func(of configfile.Member) bool { return of.Name == m.Name })
		kept.Members[at].Node = whole
	}
	return kept, left
}

func keepItems(is, was configfile.Node) (kept configfile.Node, left bool) {
	by := keyOf(append(slices.Clone(was.Items), is.Items...))
	kept = configfile.Node{Kind: input.Array}
	rest := slices.Clone(is.Items)
	for _, item := range was.Items {
		at := slices.IndexFunc(rest, func(n configfile.Node) bool { return sameItem(n, item, by) })
		if at < 0 {
			kept.Items, left = append(kept.Items, item), true
			continue
		}
		whole, more := Keep(rest[at], item)
		kept.Items, left = append(kept.Items, whole), left || more
		rest = slices.Delete(rest, at, at+1)
	}
	if !left {
		return is, false
	}
	kept.Items = append(kept.Items, rest...)
	return kept, true
}

// sameItem reports whether two items of lists have the same key, or are equal where items have no key.
func sameItem(a, b configfile.Node, by []string) bool {
	if by == nil {
		return string(a.AppendJSON(nil)) == string(b.AppendJSON(nil))
	}
	return keyIn(a, by) == keyIn(b, by)
}
