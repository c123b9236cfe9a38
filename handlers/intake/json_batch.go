package intake

import (
	"bytes"
	"encoding/json"
	"slices"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// ParseBatch is ParseJSON for an object with a list of things that have nothing to do with each other: what cannot be
// read of an item is reported for that item alone. What there is to read of such an item is in its node.
func ParseBatch(body []byte, list string) (root Node, unread map[int]*problem.Refusal, err error) {
	root, err = ParseJSON(body)
	refusal, refused := problem.AsRefusal(err)
	if !refused || !ofContent(refusal) || !json.Valid(body) {
		return root, nil, err
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	if begin, _ := tokens.Token(); begin != json.Delim('{') {
		return root, nil, err
	}
	root = Node{Kind: input.Object}
	for tokens.More() {
		m, raw, err := nextMember(tokens, root.Members)
		if err != nil {
			return root, nil, err
		}
		if m.Name == list && raw[0] == '[' {
			m.Node, unread = parseItems(raw, list)
		} else if m.Node, err = parseValue(raw, m.Name, maxDepth-1); err != nil {
			return root, nil, err
		}
		root.Members = append(root.Members, m)
	}
	return root, unread, nil
}

// ofContent reports whether a body is JSON all the same, so that the rest of it can be read.
func ofContent(refusal *problem.Refusal) bool {
	return slices.Contains([]string{
		"json_too_deep", "invalid_unicode", "nul_character", "duplicate_key",
	}, refusal.Problems[0].Code)
}

// nextMember reads the name of an object's next member, and its value as it is written.
func nextMember(tokens *json.Decoder, before []member) (m member, raw json.RawMessage, err error) {
	token, err := tokens.Token()
	if err != nil {
		return m, nil, err
	}
	m.Name = token.(string) // the decoder returns nothing else as a key
	if err := nul("", m.Name); err != nil {
		return m, nil, err
	}
	if HasMember(before, m.Name) {
		return m, nil, Unreadable(m.Name, "duplicate_key", "Send each field once.")
	}
	err = tokens.Decode(&raw)
	return m, raw, err
}

// parseItems reads the items of a list each by itself; raw is valid.
func parseItems(raw json.RawMessage, list string) (n Node, unread map[int]*problem.Refusal) {
	n, unread = Node{Kind: input.Array}, map[int]*problem.Refusal{}
	tokens := json.NewDecoder(bytes.NewReader(raw))
	_, _ = tokens.Token()
	for i := 0; tokens.More() && i < maxItems; i++ {
		var item json.RawMessage
		if tokens.Decode(&item) != nil {
			break
		}
		one, err := parseValue(item, input.Index(list, i), maxDepth-2)
		if refusal, refused := problem.AsRefusal(err); refused {
			unread[i] = refusal
		}
		n.Items = append(n.Items, one)
	}
	return n, unread
}

// parseValue reads a value that is valid JSON, so that only its content can be refused.
func parseValue(raw json.RawMessage, path string, deepest int) (Node, error) {
	switch {
	case depth(raw) > deepest:
		return Node{}, Unreadable(path, "json_too_deep", "Nest objects and lists at most 16 deep.")
	case input.LoneSurrogate(raw):
		return Node{}, Unreadable(path, "invalid_unicode", `Write \u escapes of surrogates in pairs.`)
	}
	tokens := json.NewDecoder(bytes.NewReader(raw))
	tokens.UseNumber()
	return readNode(tokens, path)
}
